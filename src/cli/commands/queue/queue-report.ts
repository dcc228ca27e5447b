/** The form of what `queue status` reports, as `--json` prints it. */

/** Scripts depend on the names. */
export interface QueueReport {
  server: string;
  models: ModelReport[];
  jobs: { job: string; answers: number; bytes: number; oldest_s: number | null }[];
  workers: WorkerReport[];
}

export interface ModelReport {
  model: string;
  /** Requests that no worker has, that workers have, and those of them that a worker was lost with. */
  waiting: number;
  running: number;
  redelivered: number;
  /** Age of the oldest that waits or runs. */
  oldest_s: number | null;
  /** Of the waiting and running ones, those of `serve --queue`. */
  urgent_waiting: number;
  urgent_running: number;
  workers: number;
  tok_s: number;
}

export interface WorkerReport {
  worker: string;
  model: string;
  dtype: string;
  version: string;
  running: number;
  concurrency: number;
  tok_s: number;
}
