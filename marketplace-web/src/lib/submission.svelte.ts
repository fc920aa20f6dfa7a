import { isExpired, tellExpired } from './expiry.ts'
import { faultText } from './fault-text.ts'

/** A form on its way: one at a time, and what came of it. */
export class Submission {
  busy = $state(false)
  fault = $state<string>()

  /** True when it went well. What `recover` answers with true is no fault. */
  async run(send: () => Promise<unknown>, recover?: (error: unknown) => boolean): Promise<boolean> {
    if (this.busy) return false
    this.busy = true
    this.fault = undefined
    try {
      await send()
      return true
    } catch (error) {
      if (recover?.(error) !== true) {
        if (isExpired(error)) tellExpired()
        this.fault = faultText(error)
      }
      return false
    } finally {
      this.busy = false
    }
  }
}
