/** All tasks and groups by name. */
import { LlamaError } from "../../error.js";
import { firstFew } from "../../formats/files/amounts.js";
import { quoted } from "../../formats/files/quoted.js";
import { COMMON_SENSE } from "./common-sense.js";
import type { Task, TaskGroup } from "./task.js";

/** In the order of the paper's tables. */
export const TASKS: readonly Task[] = [...COMMON_SENSE];

export const GROUPS: readonly TaskGroup[] = [
  { name: "ai2_arc", title: "ARC, both sets", members: ["arc_easy", "arc_challenge"], metrics: [], version: 1 },
];

export interface Selection {
  /** Without repetition, in the order of the names. */
  tasks: Task[];
  /** Groups that were named, and the groups in them, outer ones first. */
  groups: TaskGroup[];
}

/** The tasks and groups of names. Throws LlamaError (usage) for a name that is unknown. */
export function selectTasks(names: readonly string[], more: readonly Task[] = []): Selection {
  const tasks = new Map<string, Task>();
  const groups = new Map<string, TaskGroup>();
  const known = new Map([...TASKS, ...more].map((task) => [task.name, task]));
  const add = (name: string): void => {
    const task = known.get(name);
    const group = GROUPS.find((one) => one.name === name);
    if (task !== undefined) tasks.set(name, task);
    else if (group === undefined) throw unknown(name, [...known.keys(), ...GROUPS.map((one) => one.name)]);
    else {
      groups.set(name, group);
      for (const member of group.members) add(member);
    }
  };
  for (const name of names) add(name);
  return { tasks: [...tasks.values()], groups: [...groups.values()] };
}

function unknown(name: string, known: readonly string[]): LlamaError {
  const close = known.filter((one) => one.startsWith(name.slice(0, 4)));
  const fix = close.length > 0 ? `Similar: ${firstFew(close)}` : "`llama-ts eval list` shows all";
  return new LlamaError("usage", `unknown task ${quoted(name)}`, { fix });
}
