import { isExpired, tellExpired } from './expiry.ts'
import { faultText } from './fault-text.ts'
import { isUnreachable } from './reaching.ts'

/** Long enough to walk through pages without asking again, short enough that nobody decides on what is old. */
const freshMs = 10_000
/** Below half a second nothing needs to say that it is on its way. */
const patienceMs = 500

/** An answer of the service that pages show: kept, asked for again, and what went wrong with that. */
export class Query<Value> {
  /** The last answer; it stays while another one is asked for, and when that fails. */
  data = $state.raw<Value>()
  fault = $state<string>()
  /** Nobody answered, the last time: it is worth asking again. */
  isMissed = $state(false)
  busy = $state(false)
  /** It takes longer than half a second. */
  isSlow = $state(false)

  readonly #read: () => Promise<Value>
  #answeredAt = 0
  #running: Promise<void> | undefined

  constructor(read: () => Promise<Value>) {
    this.#read = read
  }

  /** Asks, unless it was asked a moment ago. */
  load(): Promise<void> {
    if (this.fault === undefined && Date.now() - this.#answeredAt < freshMs)
      return Promise.resolve()
    return this.refresh()
  }

  /** Asks, or waits for who asks already. */
  refresh(): Promise<void> {
    this.#running ??= this.#ask().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** Shows what will be, and goes back when the service says no. @throws what `send` throws */
  async foresee(change: (value: Value) => Value, send: () => Promise<unknown>): Promise<void> {
    const before = this.data
    if (before !== undefined) this.data = change(before)
    try {
      await send()
    } catch (error) {
      this.data = before
      throw error
    }
    await this.refresh()
  }

  async #ask(): Promise<void> {
    this.busy = true
    const timer = setTimeout(() => {
      this.isSlow = true
    }, patienceMs)
    try {
      this.data = await this.#read()
      this.#answeredAt = Date.now()
      this.fault = undefined
      this.isMissed = false
    } catch (error) {
      if (isExpired(error)) tellExpired()
      this.fault = faultText(error)
      this.isMissed = isUnreachable(error)
    } finally {
      clearTimeout(timer)
      this.busy = this.isSlow = false
    }
  }
}
