import { z } from 'zod'
import { budgetTermsSchema } from './budget.ts'
import { isTimeZone } from './local-time.ts'
import { usagePolicySchema } from './policy.ts'

const TEXT_MAX = 100
/** Of each kind, in one organization: a gateway looks at all of them before each request. */
export const RULES_LIMITS = { budgets: 500, teams: 500, keysOfTeam: 1_000 } as const

/** Everything that an organization rules for its gateways, as settlement serves it. */
export const gatewayRulesSchema = z.object({
  /** Grows with every change; digits. */
  revision: z.string().regex(/^\d{1,18}$/u),
  organization: z.string().min(1).max(TEXT_MAX),
  timeZone: z.string().refine(isTimeZone, { error: 'not a known time zone' }),
  teams: z
    .array(
      z.object({
        name: z.string().min(1).max(TEXT_MAX),
        /** Names or ids of keys of gateways. */
        keys: z.array(z.string().max(TEXT_MAX)).max(RULES_LIMITS.keysOfTeam),
      }),
    )
    .max(RULES_LIMITS.teams),
  budgets: z
    .array(z.intersection(z.object({ id: z.string().max(TEXT_MAX) }), budgetTermsSchema))
    .max(RULES_LIMITS.budgets),
  policy: usagePolicySchema.nullable(),
  /** Thresholds that settlement saw passed, in windows that are not over: gateways together may have spent more than one knows. */
  reached: z.array(
    z.object({
      budget: z.string().max(TEXT_MAX),
      action: z.enum(['slow', 'stop']),
      /** Milliseconds since 1970. */
      until: z.number(),
    }),
  ),
})
export type GatewayRules = z.output<typeof gatewayRulesSchema>
/** As it is in JSON. */
export type GatewayRulesJson = z.input<typeof gatewayRulesSchema>
