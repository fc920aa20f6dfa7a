/** What a provider earned and spent. Money in EUR, time in ms. */
export class Account {
  /** Countersigned, before the fee, and the fee. */
  gross = 0
  fee = 0
  /** Sent and never countersigned. */
  withheld = 0
  /** Answers that were whole all the same. */
  freeAnswers = 0
  /** Sessions that ended so, and what their whole answers would have cost. */
  defaults = 0
  asked = 0
  power = 0
  rent = 0
  hardware = 0
  openMs = 0
  busySlotMs = 0
  jobs = 0
  outputTokens = 0
  /** Of them sold so that the fee left less than the electricity that they took. */
  belowPowerTokens = 0
  firstJobAt: number | undefined
  leftAt: number | undefined
  /** Jobs in the first hour after it came. */
  earlyJobs = 0

  get net(): number {
    return this.gross - this.fee
  }

  get profit(): number {
    return this.net - this.power - this.rent - this.hardware
  }
}
