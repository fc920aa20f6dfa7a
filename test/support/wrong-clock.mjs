// Loaded before a program (`node --import`), it moves its wall clock by HANSE_TEST_CLOCK_MS. Timers keep their pace, as on a
// machine whose clock is set wrong.
const offset = Number(process.env.HANSE_TEST_CLOCK_MS ?? 0)
const RealDate = Date
const now = () => RealDate.now() + offset
globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(now())
    else super(...args)
  }

  static now() {
    return now()
  }
}
