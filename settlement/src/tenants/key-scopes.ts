/**
 * What a key may do: `read` looks, `spend` promises money to providers, `billing` moves money in and out and sees who
 * pays, `keys` makes and revokes keys.
 */
export const SCOPES = ['read', 'spend', 'billing', 'keys'] as const
export type Scope = (typeof SCOPES)[number]
