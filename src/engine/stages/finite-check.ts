/** Finds weights that are NaN or infinite, and reports their file and position. Does not know what is computed with them. */
import { LlamaError } from "../../error.js";
import { buildFiniteGraph } from "../../model/architecture/finite-graph.js";
import type { Checkpoint } from "../../model/checkpoint/checkpoint.js";
import { createSession, type Session, tensor } from "./onnx-session.js";

/** The LlamaError for a weight that is not finite; row and column count in the full tensor, and a norm is one row. */
export function notFinite(checkpoint: Checkpoint, name: string, row: number, column: number, value: number) {
  const { pieces, axis } = checkpoint.tensors.get(name)!;
  const place = axis === 1 ? column : row;
  const piece = axis === null ? pieces[0] : pieces.find(({ start, end }) => start <= place && place < end);
  return new LlamaError("model", `row ${row}, column ${column} is not finite`, {
    where: `${piece?.entry.storage.file ?? checkpoint.dir}: ${name}`,
    expected: "finite numbers",
    found: String(value),
    fix: "The file may be damaged: copy or download it again",
  });
}

/** Checks one row of a tensor; throws LlamaError (model) for the first number that is not finite. */
export function checkRow(checkpoint: Checkpoint, name: string, row: number, values: Float32Array): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) throw notFinite(checkpoint, name, row, i, values[i]!);
  }
}

export class FiniteCheck {
  readonly #session: Session;

  private constructor(session: Session) {
    this.#session = session;
  }

  static create(threads: number): FiniteCheck {
    return new FiniteCheck(createSession(buildFiniteGraph(), { threads }));
  }

  /** Row and column of the first number of a matrix [rows, columns] that is not finite, or null. */
  find(matrix: Float32Array, rows: number, columns: number): [number, number] | null {
    const zeros = tensor(new Float32Array(columns), [1, columns]);
    const { sums } = this.#session.run({ zeros, matrix: tensor(matrix, [rows, columns]) });
    for (let row = 0; row < rows; row++) {
      if (!Number.isNaN(sums![row])) continue;
      const column = matrix.subarray(row * columns, (row + 1) * columns).findIndex((value) => !Number.isFinite(value));
      return [row, column];
    }
    return null;
  }

  close(): void {
    this.#session.release();
  }
}
