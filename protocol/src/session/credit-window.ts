import { amountOf, type PicoEuro, picoEuro } from '../money.ts'

/** With fewer tokens than this beyond the prompt a session would spend more time on receipts than on tokens. */
const TOKENS_MIN = 16n

/** The least window with which a session can move at all: the prompt and a few tokens. */
export function smallestWindow(inputCost: PicoEuro, outputPrice: PicoEuro): PicoEuro {
  return picoEuro(inputCost + amountOf(TOKENS_MIN, outputPrice))
}

/** Where a session with a stranger starts: a quarter of what was agreed, but enough to move. */
export function openingWindow(cap: PicoEuro, inputCost: PicoEuro, outputPrice: PicoEuro): PicoEuro {
  const start = cap / 4n
  const least = smallestWindow(inputCost, outputPrice)
  return picoEuro(min(cap, start > least ? start : least))
}

/**
 * The window of one who has left another unpaid, once what is known of the prompt is countersigned: a few tokens, and of the
 * prompt what no receipt says yet.
 */
export function prepaidWindow(
  cap: PicoEuro,
  uncountedInputCost: PicoEuro,
  outputPrice: PicoEuro,
): PicoEuro {
  return picoEuro(min(cap, smallestWindow(uncountedInputCost, outputPrice)))
}

/** Every countersigned receipt earns a third more, up to the cap. */
export function grownWindow(window: PicoEuro, cap: PicoEuro): PicoEuro {
  return picoEuro(min(cap, window + window / 3n + 1n))
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}
