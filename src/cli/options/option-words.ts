/** Spells the options of one line as the command declares them. Does not know which commands there are. */
import { existsSync } from "node:fs";
import { LlamaError } from "../../error.js";
import { optionAdvice, sameOption } from "./peer-words.js";
import { scriptOptions } from "./script-arguments.js";

/** The part of a commander option that is read here. */
export interface SpelledOption {
  readonly long?: string | undefined;
  readonly short?: string | undefined;
  readonly required: boolean;
  readonly optional: boolean;
}

/** Commands whose only word is the script of a torchrun line. */
const TAKE_SCRIPT = ["generate", "repl"];
const YES = ["true", "1", "yes", "on"];
const NO = ["false", "0", "no", "off"];
/** Short options of torchrun that other programs have, too, with the options here that those may mean. */
const AMBIGUOUS: Readonly<Record<string, readonly [own: string, ...others: string[]]>> = {
  "-t": ["--tee", "--threads"],
  "-r": ["--redirects", "--trials", "--stop"],
};
/** Options of every command. */
const OWN = ["-h", "--help", "-V", "--version"];
/** Options that only a line for torchrun has. */
const TORCHRUN = /^--(log[-_]dir|redirects|tee|local[-_]ranks[-_]filter|role|nnodes|standalone|rdzv[-_]\w+)(=|$)/;

export class OptionWords {
  readonly #command: string;
  readonly #options = new Map<string, SpelledOption>();
  readonly #isTorchrun: boolean;
  /** Values by the option's own name, and the spelling that gave them. */
  readonly #given = new Map<string, { as: string; value: string | null }>();
  readonly #words: string[] = [];
  /** Where in #words the words are that belong to no option. */
  readonly #free: number[] = [];
  readonly #ambiguous: (readonly [name: string, value: string])[] = [];
  #hasModule = false;
  /** An option that the command does not have: the word after it may be its value. */
  hasUnknown = false;

  /** `isTorchrun`: the line is one for torchrun, so that -t and -r are its options. */
  constructor(command: string, options: readonly SpelledOption[], isTorchrun: boolean) {
    this.#command = command;
    this.#isTorchrun = isTorchrun;
    for (const option of options) {
      for (const name of [option.long, option.short]) if (name !== undefined) this.#options.set(name, option);
    }
  }

  /** The words that belong to no option, in order, after a call of normalise. */
  get freeWords(): string[] {
    return this.#free.map((at) => this.#words[at]!);
  }

  /** `words` begin with the command. Throws LlamaError (usage) for options of other programs that have no counterpart. */
  normalise(words: readonly string[]): string[] {
    this.#words.push(words[0]!);
    let i = 1;
    for (; i < words.length && words[i] !== "--"; i++) {
      const word = words[i]!;
      if (word.startsWith("-") && word !== "-") i += this.#add(words, i);
      else this.#free.push(this.#words.push(word) - 1);
    }
    this.#checkAmbiguous(words);
    this.#nameScriptArguments();
    return [...this.#words, ...words.slice(i)];
  }

  /** Adds the option at `i`, and returns how many words after it belong to it. */
  #add(words: readonly string[], i: number): number {
    const word = words[i]!;
    const isLong = word.startsWith("--");
    const at = isLong && word.includes("=") ? word.indexOf("=") : word.length;
    const typed = word.slice(0, at);
    const name = isLong ? `--${typed.slice(2).replaceAll("-", "_")}` : typed;
    const value = at < word.length ? word.slice(at + 1) : null;
    if (this.#isModule(name, words, i)) {
      this.#hasModule = true;
      this.#words.push("--module");
      return 0;
    }
    const own = name !== "-m" && this.#options.has(name) ? name : this.#counterpart(name, typed);
    const option = own === undefined ? undefined : this.#options.get(own);
    if (own === undefined || option === undefined) {
      // commander reads -t1 as -t 1.
      const [, letter, joined] = /^(-[rt])(\d+)$/.exec(word) ?? [];
      if (letter !== undefined && this.#options.has(letter)) this.#ambiguous.push([letter, joined!]);
      this.#words.push(word);
      this.hasUnknown ||= letter === undefined && !OWN.includes(name);
      return 0;
    }
    if (own === name && Object.hasOwn(AMBIGUOUS, name)) this.#ambiguous.push([name, words[i + 1] ?? ""]);
    if (!option.required && !option.optional) return this.#addSwitch(own, typed, value, words[i + 1]);
    const next = words[i + 1];
    if (value === null && (next === undefined || (option.optional && next.startsWith("-")))) {
      this.#words.push(own);
      return 0;
    }
    // The next word is a value, whatever it looks like.
    const text = value ?? next!;
    this.#note(option.long ?? own, typed, text);
    this.#words.push(value === null ? own : `${own}=${value}`);
    if (value !== null) return 0;
    this.#words.push(text);
    return 1;
  }

  /** A switch may have fire's =True and =False; a script's, also as a word of its own. */
  #addSwitch(own: string, typed: string, value: string | null, next: string | undefined): number {
    const isWord = value === null && TAKE_SCRIPT.includes(this.#command) && ["True", "False"].includes(next ?? "");
    const text = (isWord ? next! : (value ?? "true")).toLowerCase();
    if (YES.includes(text)) this.#words.push(own);
    else if (!NO.includes(text)) {
      throw new LlamaError("usage", "is a switch", { where: typed, expected: "no value, True or False", found: text });
    }
    return isWord ? 1 : 0;
  }

  /** The command's option with the meaning of another program's. */
  #counterpart(name: string, typed: string): string | undefined {
    const same = sameOption(name, (own) => this.#options.has(`--${own}`));
    if (same !== undefined) return `--${same}`;
    const advice = optionAdvice(name);
    if (advice === undefined || this.#options.has(name)) return undefined;
    throw new LlamaError("usage", `unknown option '${typed}'`, { fix: advice });
  }

  /** Throws if another spelling of the same option has set another value. */
  #note(own: string, typed: string, value: string): void {
    const before = this.#given.get(own);
    const isOwn = typed.replaceAll("-", "_") === own.replaceAll("-", "_");
    if (before && before.value !== value && (!isOwn || before.as !== own)) {
      const [peer, other] = isOwn ? [before.as, own] : [typed, before.as];
      throw new LlamaError("usage", `${peer} is ${own} here, and the line has ${other} too`, {
        fix: "Give one of them",
      });
    }
    this.#given.set(own, { as: isOwn ? own : typed, value });
  }

  /** -m is torchrun's, with a module, and other programs', with a model. */
  #isModule(name: string, words: readonly string[], i: number): boolean {
    if (!this.#options.has("--module") || (name !== "-m" && name !== "--module")) return false;
    const value = words[i + 1] ?? "";
    const isName = /^[a-z_]\w*(\.[a-z_]\w*)+$/i.test(value) && !value.endsWith(".gguf") && !existsSync(value);
    const hasFolder = words.some((word) => /^--ckpt[-_]dir(=|$)/.test(word));
    return name === "--module" || this.#isTorchrun || hasFolder || isName || value.startsWith("-");
  }

  /** A number after -t or -r may be meant for another program's option; torchrun's has a colon, or its line has other signs. */
  #checkAmbiguous(words: readonly string[]): void {
    const isScript = (at: number) => this.#words[at]!.endsWith(".py");
    if (this.#isTorchrun || this.#hasModule || this.#free.some(isScript)) return;
    if (words.some((word) => TORCHRUN.test(word))) return;
    for (const [name, value] of this.#ambiguous) {
      if (value.includes(":")) continue;
      const [own, ...others] = AMBIGUOUS[name]!;
      const other = others.find((one) => this.#options.has(one));
      throw new LlamaError("usage", "has several meanings", {
        where: `${name} ${value}`.trim(),
        expected: [`${own} ${value} (torchrun's)`, ...(other ? [`${other} ${value}`] : [])].join(" or "),
      });
    }
  }

  /** The words after a script are its arguments. */
  #nameScriptArguments(): void {
    if (!TAKE_SCRIPT.includes(this.#command)) return;
    const [script, ...rest] = this.#free;
    if (script === undefined || rest.length === 0) return;
    const name = this.#words[script]!;
    if (!name.endsWith(".py") && !this.#hasModule) return;
    const isNamed = (parameter: string) =>
      this.#words.some((word) => word === `--${parameter}` || word.startsWith(`--${parameter}=`));
    const named = scriptOptions(
      name,
      rest.map((at) => this.#words[at]!),
      isNamed,
    );
    for (const [i, at] of rest.entries()) this.#words[at] = named[i]!;
  }
}
