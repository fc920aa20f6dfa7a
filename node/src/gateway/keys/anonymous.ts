/** Who comes in without a key, as the owner: anybody until the first key is made, anybody, or nobody. */
export const ANONYMOUS = ['auto', 'on', 'off'] as const
export type Anonymous = (typeof ANONYMOUS)[number]
