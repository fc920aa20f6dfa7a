import type { FastifyInstance } from 'fastify'
import type { LawfulBasis } from '../privacy/lawful-basis.ts'
import { POLICY_TEXT } from '../privacy/policy-text.ts'
import type { Retention } from '../privacy/retention.ts'
import { OWNER, type SpendStore } from '../store/spend-store.ts'
import { callerOf, pathOf } from './caller.ts'
import type { KeyBook } from './keys/key-book.ts'
import type { OrganizationRules } from './organization/organization-rules.ts'
import { jsonOfRules } from './organization/rules-json.ts'
import { refuseOtherOrigins } from './same-origin.ts'
import { keyNames } from './spend/key-names.ts'
import { jsonOfSpend } from './spend/spend-json.ts'
import { readBy, readTimes, reportSpend } from './spend/spend-report.ts'

export interface RulesRoutesOptions {
  readonly spend: SpendStore
  readonly book: KeyBook
  /** What the organization rules; `undefined` where that is off. */
  readonly organization?: OrganizationRules | undefined
  /** `undefined` where EU mode is off: then it has no routes either. */
  readonly basis: LawfulBasis | undefined
  readonly retention: Retention | undefined
  readonly now: () => number
}

interface SpendParameters {
  readonly by?: string
  readonly from?: string
  readonly to?: string
  readonly key?: string
}

/** Answers are made by a machine, and whoever shows them to people has to say so (Regulation (EU) 2024/1689, Article 50). */
const NOTICE = 'AI-generated content. Tell people so (EU AI Act, Article 50).'

/** What was spent; and, in EU mode, why data may be processed, how long it is kept, and the notice that goes with answers. */
export function registerRules(app: FastifyInstance, options: RulesRoutesOptions): void {
  const { spend, book, organization, basis, retention, now } = options

  app.get<{ Querystring: SpendParameters }>(
    '/hanse/v1/spend',
    { preHandler: refuseOtherOrigins },
    async (request) => {
      const { by, from, to, key } = request.query
      const caller = callerOf(request)
      // Whoever has a key sees what it has spent, and nothing else.
      const only = caller.owner ? idOf(book, key) : caller.id
      const query = { by: readBy(by), ...readTimes(from, to, now()), key: only }
      return jsonOfSpend(await reportSpend(spend, query, keyNames(book.list())))
    },
  )
  if (organization !== undefined)
    app.get('/hanse/v1/rules', { preHandler: refuseOtherOrigins }, async () =>
      jsonOfRules(organization, now()),
    )
  if (basis === undefined || retention === undefined) return

  app.addHook('onRequest', async (request, reply) => {
    if (request.method === 'POST' && /^\/(?:v1|api)\//u.test(pathOf(request)))
      void reply.header('x-hanse-notice', NOTICE)
  })

  app.get('/hanse/v1/consent', { preHandler: refuseOtherOrigins }, async () => {
    const { standing, history, version } = basis.state()
    return { standing: standing ?? null, history, version, text: POLICY_TEXT }
  })

  app.get('/hanse/v1/retention', { preHandler: refuseOtherOrigins }, async () => ({
    days: { ...retention.terms, accounting: null },
    runs: retention.runs(),
  }))
}

function idOf(book: KeyBook, which: string | undefined): string | undefined {
  return which === undefined || which === OWNER ? which : book.get(which).id
}
