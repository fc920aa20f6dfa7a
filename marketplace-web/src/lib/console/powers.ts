/** What an operator may do, as the service says it: `look-at-money` is decisions on money, `act` is everything that changes something. */
export const powers = ['look', 'look-at-money', 'act'] as const
export type Power = (typeof powers)[number]
