import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type FromWorker, parseFromWorker, type ToWorker } from './worker-protocol.ts'

/** How a worker ended, for its owner: never with text of a prompt. */
export interface WorkerEnd {
  readonly reason: string
  /** What llama.cpp said last; it may name files, so it is for the owner alone. */
  readonly complaint?: string
}

/** Of standard error; what llama.cpp says when it gives up is a few lines. */
const COMPLAINT_MAX = 8192

/** Lines of llama.cpp and of the memory manager; others are not repeated. */
const COMPLAINT = /GGML_ASSERT|ggml_abort|ggml[\w-]*: .*error|bad_alloc|out of memory/iu

/** What a worker may need of the environment is anything of the GPU's and the system's, but none of our secrets. */
function workerEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('HANSE_')),
  )
}

/** The process of a worker, and its channel. */
export class WorkerProcess {
  readonly ended: Promise<WorkerEnd>
  readonly #child: ChildProcess
  #complaint = ''
  #killed: string | undefined
  #closed = false

  /** @param onMessage gets what the worker says, checked */
  constructor(onMessage: (message: FromWorker) => void) {
    this.#child = fork(fileURLToPath(new URL('./worker.ts', import.meta.url)), [], {
      serialization: 'advanced',
      execArgv: [],
      env: workerEnv(),
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-COMPLAINT_MAX)
    })
    this.#child.on('message', (message: unknown) => {
      const parsed = parseFromWorker(message)
      if (parsed === undefined) this.kill('it said what no worker says')
      else onMessage(parsed)
    })
    this.ended = new Promise((resolve) => {
      const end = (reason: string): void => resolve(this.#end(reason))
      this.#child.on('error', (error) => end(`it cannot start: ${error.message}`))
      this.#child.on('exit', (code, signal) =>
        end(
          this.#killed ??
            (signal === null ? `it exited with ${code}` : `it was ended by ${signal}`),
        ),
      )
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  send(message: ToWorker): void {
    // A channel that is gone is noticed by the end of the process.
    if (!this.#closed && this.#child.connected) this.#child.send(message, () => {})
  }

  kill(reason: string): void {
    this.#killed ??= reason
    this.#child.kill('SIGKILL')
  }

  #end(reason: string): WorkerEnd {
    this.#closed = true
    const complaint = this.#complaint.split('\n').findLast((line) => COMPLAINT.test(line))
    return complaint === undefined ? { reason } : { reason, complaint: complaint.slice(0, 200) }
  }
}
