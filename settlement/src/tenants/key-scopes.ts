/**
 * What a key may do: `read` looks, `spend` promises money to providers, `billing` moves money in and out and sees who
 * pays, `keys` makes and revokes keys, `manage` sets budgets, policies, alerts and rates and brings usage in.
 */
export const SCOPES = ['read', 'spend', 'billing', 'keys', 'manage'] as const
export type Scope = (typeof SCOPES)[number]
