/** The completion scripts of bash, zsh and fish. They ask the program itself what completes a line, and let the shell find files. */

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** The hidden command that the scripts call: its first line is words, files or folders, each further one a word and its description. */
export const ASK = "__complete";

// bash divides --option=value at the =, and 3.2 (macOS) has neither compopt nor negative indices.
const BASH = String.raw`# bash completion of llama-ts: eval "$(llama-ts completion bash)" in ~/.bashrc
_llama_ts() {
  local i n=0 joined= kind= line name=$1
  local -a words
  [[ $name == "~/"* ]] && name=$HOME/${"$"}{name:2}
  for ((i = 1; i <= COMP_CWORD; i++)); do
    if [[ $joined == open ]]; then
      words[n-1]+=${"$"}{COMP_WORDS[i]} joined=yes
    elif [[ ${"$"}{COMP_WORDS[i]} == = && $n -gt 0 && ${"$"}{words[n-1]} == --* ]]; then
      words[n-1]+== joined=open
    else
      words[n++]=${"$"}{COMP_WORDS[i]} joined=
    fi
  done
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ -z $kind ]]; then kind=$line; continue; fi
    line=${"$"}{line%%$'\t'*}
    [[ -n $joined ]] && line=${"$"}{line#*=}
    COMPREPLY+=("$line")
  done < <("$name" ${ASK} -- "${"$"}{words[@]}" </dev/null 2>/dev/null)
  if [[ $kind == words ]]; then return; fi
  if type compopt &>/dev/null; then
    if [[ $kind == files ]]; then compopt -o default; else compopt -o dirnames; fi
    return
  fi
  local list=-f word=${"$"}{COMP_WORDS[COMP_CWORD]#=}
  [[ $kind == folders ]] && list=-d
  while IFS= read -r line; do COMPREPLY+=("$(printf %q "$line")"); done < <(compgen $list -- "$word")
}
complete -F _llama_ts llama-ts
`;

const ZSH = String.raw`#compdef llama-ts
# zsh completion of llama-ts: a file _llama-ts in a folder of $fpath, or eval "$(llama-ts completion zsh)" after compinit
_llama_ts() {
  local kind line
  local -a lines items
  lines=("${"$"}{(@f)$("${"$"}{(Q)words[1]/#\~\//$HOME/}" ${ASK} -- "${"$"}{(Q@)words[2,CURRENT-1]}" "${"$"}{(Q)PREFIX}" </dev/null 2>/dev/null)}")
  kind=$lines[1]
  local joined=
  if [[ $PREFIX == --*=* ]]; then
    joined=yes
    compset -P '--[^=]#='
  fi
  case $kind in
    files) _files; return ;;
    folders) _files -/; return ;;
  esac
  for line in "${"$"}{(@)lines[2,-1]}"; do
    [[ -n $joined ]] && line=${"$"}{line#*=}
    items+=("${"$"}{${"$"}{line//:/\\:}/$'\t'/:}")
  done
  (( $#items )) && _describe -V llama-ts items
}
if [ "$funcstack[1]" = _llama-ts ]; then _llama_ts "$@"; else compdef _llama_ts llama-ts; fi
`;

const FISH = String.raw`# fish completion of llama-ts: llama-ts completion fish > ~/.config/fish/completions/llama-ts.fish
function __llama_ts_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l plain (string unescape -- "$current"); and set current $plain
    set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
    set -l lines ($program ${ASK} -- $words[2..-1] "$current" </dev/null 2>/dev/null)
    set -l start (string match -r -- '^--[^=]*=' "$current")
    set -l path (string replace -r -- '^--[^=]*=' '' "$current")
    switch "$lines[1]"
        case words
            printf '%s\n' $lines[2..-1]
        case files
            __fish_complete_path "$path" | string replace -r -- '^' "$start"
        case folders
            __fish_complete_directories "$path" "" | string replace -r -- '^' "$start"
    end
end
complete -c llama-ts -f -a '(__llama_ts_complete)'
`;

export const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
