import { setTimeout as delay } from 'node:timers/promises'
import type { ControlClient } from '../../control/index.ts'
import { PANES, renderTop } from './render-top.ts'
import { Screen } from './screen.ts'
import { TopHistory } from './top-history.ts'

const WATCH_MS = 1_000
const LOG_LINES = 100
/** How soon a daemon that went away is looked for again. */
const RETRY_MS = 2_000
/** How long an answer to a key is shown. */
const NOTICE_MS = 4_000

/** Tab, and arrows down and right; with shift, up and left. */
const NEXT_PANE = new Set(['\t', '\x1b[B', '\x1b[C'])
const PANE_BEFORE = new Set(['\x1b[Z', '\x1b[A', '\x1b[D'])

const ESCAPED_OR_ONE = /\p{Control}\[[0-9;]*[A-Za-z~]|./gsu

const SIGNALS = { SIGTERM: 143, SIGHUP: 129, SIGINT: 130 } as const

/** Shows a live dashboard until its user quits. @throws what the first status throws, before the screen is touched */
export async function runTop({ client }: { readonly client: ControlClient }): Promise<void> {
  const history = new TopHistory()
  history.take(await client.status())
  using screen = new Screen(process.stdin, process.stdout)
  const top = new Top(client, screen, history)
  process.exitCode = await top.run()
}

class Top {
  readonly #client: ControlClient
  readonly #screen: Screen
  readonly #history: TopHistory
  readonly #done = new AbortController()
  #pane = 0
  #asking = false
  #notice: string | undefined
  #noticeTimer: NodeJS.Timeout | undefined
  #exitCode = 0

  constructor(client: ControlClient, screen: Screen, history: TopHistory) {
    this.#client = client
    this.#screen = screen
    this.#history = history
  }

  async run(): Promise<number> {
    const onKeys = (data: Buffer): void => {
      for (const key of keysOf(data.toString('latin1'))) this.#onKey(key)
    }
    const onResize = (): void => {
      this.#screen.forget()
      this.#draw()
    }
    const stops = Object.entries(SIGNALS).map(
      ([signal, code]) => [signal, () => this.#quit(code)] as const,
    )
    const onEnd = (): void => this.#quit(SIGNALS.SIGHUP)
    process.stdin.on('data', onKeys).once('end', onEnd).once('error', onEnd)
    process.stdout.on('resize', onResize)
    for (const [signal, stop] of stops) process.on(signal, stop)
    try {
      this.#draw()
      await Promise.all([
        this.#again(async (signal) => {
          for await (const status of this.#client.watch(WATCH_MS, signal)) {
            this.#history.take(status)
            this.#draw()
          }
        }),
        this.#again(async (signal) => {
          const asked = { lines: LOG_LINES, follow: true }
          for await (const { lines } of this.#client.logs(asked, signal)) {
            this.#history.takeLines(lines)
            this.#draw()
          }
        }),
      ])
    } finally {
      clearTimeout(this.#noticeTimer)
      process.stdin.off('data', onKeys).off('end', onEnd).off('error', onEnd)
      process.stdout.off('resize', onResize)
      for (const [signal, stop] of stops) process.off(signal, stop)
    }
    return this.#exitCode
  }

  /** Begins anew whenever the daemon goes away, until the user quits. */
  async #again(follow: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.#done
    while (!signal.aborted) {
      try {
        await follow(signal)
      } catch (error) {
        this.#history.fault = `${messageOf(error)}; trying again`
        this.#draw()
      }
      await delay(RETRY_MS, undefined, { signal }).catch(() => {})
    }
  }

  #onKey(key: string): void {
    if (this.#asking) {
      this.#asking = false
      if (key === 'y' || key === 'Y') this.#steer('drain')
      else this.#tell('not drained')
      return
    }
    if (key === 'q' || key === 'Q') this.#quit(0)
    else if (key === '\x03') this.#quit(SIGNALS.SIGINT)
    else if (key === 'p') this.#steer('pause')
    else if (key === 'r') this.#steer('resume')
    else if (key === 'd') {
      this.#asking = true
      this.#tell('Let running sessions finish, then end the daemon? y/n', false)
    } else if (NEXT_PANE.has(key)) this.#choose(1)
    else if (PANE_BEFORE.has(key)) this.#choose(-1)
  }

  #choose(step: number): void {
    this.#pane = (this.#pane + step + PANES.length) % PANES.length
    this.#draw()
  }

  #steer(method: 'pause' | 'resume' | 'drain'): void {
    this.#tell(`${method} …`, false)
    void this.#client[method]().then(
      () => this.#tell(`${method}: done`),
      (error: unknown) => this.#tell(`${method}: ${messageOf(error)}`),
    )
  }

  #tell(notice: string, passes = true): void {
    clearTimeout(this.#noticeTimer)
    this.#notice = notice
    if (passes) {
      this.#noticeTimer = setTimeout(() => {
        this.#notice = undefined
        this.#draw()
      }, NOTICE_MS)
    }
    this.#draw()
  }

  #quit(exitCode: number): void {
    this.#exitCode = exitCode
    this.#done.abort()
  }

  #draw(): void {
    if (this.#done.signal.aborted) return
    const { columns, rows, colours } = this.#screen
    const pane = PANES[this.#pane]
    this.#screen.draw(
      renderTop(this.#history, {
        columns,
        rows,
        colours,
        ...(pane === undefined ? {} : { pane }),
        ...(this.#notice === undefined ? {} : { notice: this.#notice }),
      }),
    )
  }
}

/** What was typed faster than it was read, key by key. */
function keysOf(typed: string): string[] {
  return typed.match(ESCAPED_OR_ONE) ?? []
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
