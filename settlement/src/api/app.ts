import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import {
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import { collectAuditedRoutes, whenAudited } from '../audit-trail/audited-routes.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { Ingest } from '../ingest/ingest-service.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { installOperations } from '../operations/install-operations.ts'
import { Operations } from '../operations/operations.ts'
import { accessLogRoutes } from './access-log-routes.ts'
import { adjustmentRoutes } from './adjustment-routes.ts'
import { adminRoutes } from './admin-routes.ts'
import { alertRoutes } from './alert-routes.ts'
import { allocationRoutes } from './allocation-routes.ts'
import { attestationAdminRoutes } from './attestation-admin-routes.ts'
import { attestationRoutes } from './attestation-routes.ts'
import { auditPackageRoutes } from './audit-package-routes.ts'
import { auditAdminRoutes, auditRoutes } from './audit-routes.ts'
import { authorizationRoutes } from './authorization-routes.ts'
import { backupRoutes } from './backup-routes.ts'
import { balanceSheetRoutes } from './balance-sheet-routes.ts'
import { billRoutes } from './bill-routes.ts'
import { billingRoutes } from './billing-routes.ts'
import { breachRoutes } from './breach-routes.ts'
import { budgetRoutes } from './budget-routes.ts'
import { complianceRoutes } from './compliance-routes.ts'
import { consumerRoutes } from './consumer-routes.ts'
import { corsFor } from './cors.ts'
import { costRoutes } from './cost-routes.ts'
import { dac7Routes } from './dac7-routes.ts'
import { deletionRoutes } from './deletion-routes.ts'
import { directoryRoutes } from './directory-routes.ts'
import { disableRoutes } from './disable-routes.ts'
import { documentRoutes } from './document-routes.ts'
import { earningsRoutes } from './earnings-routes.ts'
import { explorerRoutes } from './explorer-routes.ts'
import { exportRoutes } from './export-routes.ts'
import { exportScheduleRoutes } from './export-schedule-routes.ts'
import { forecastRoutes } from './forecast-routes.ts'
import { gatewayRulesRoutes } from './gateway-rules-routes.ts'
import { gdprAdminRoutes } from './gdpr-admin-routes.ts'
import { gdprRoutes } from './gdpr-routes.ts'
import { groupRoleRoutes } from './group-role-routes.ts'
import { importRoutes } from './import-routes.ts'
import { installAccess } from './install-access.ts'
import { invitationRoutes } from './invitation-routes.ts'
import { jobRoutes } from './job-routes.ts'
import { keyRoutes } from './key-routes.ts'
import { logAdminRoutes } from './log-admin-routes.ts'
import { logRoutes } from './log-routes.ts'
import { memberRoutes } from './member-routes.ts'
import { metricsRoutes } from './metrics-routes.ts'
import { monthRoutes } from './month-routes.ts'
import { nodeLinkRoutes } from './node-link-routes.ts'
import { notificationRoutes } from './notification-routes.ts'
import { installOpenApi } from './openapi/install-openapi.ts'
import { operatorRoutes } from './operator-routes.ts'
import { operatorSessionRoutes } from './operator-session-routes.ts'
import { outcomeRoutes } from './outcome-routes.ts'
import { payoutRoutes } from './payout-routes.ts'
import { peopleRoutes } from './people-routes.ts'
import { planRoutes } from './plan-routes.ts'
import { policyRoutes } from './policy-routes.ts'
import { installProblems } from './problem.ts'
import { providerProfileRoutes } from './provider-profile-routes.ts'
import { providerRightsRoutes } from './provider-rights-routes.ts'
import { providerRoutes } from './provider-routes.ts'
import { publicLevelRoutes } from './public-level-routes.ts'
import { publicRateCardRoutes } from './public-rate-card-routes.ts'
import { rateCardRoutes } from './rate-card-routes.ts'
import { receiptRoutes } from './receipt-routes.ts'
import { reconciliationRoutes } from './reconciliation-routes.ts'
import { retentionRoutes } from './retention-routes.ts'
import { collectRouteAccess } from './route-access.ts'
import { scimRoutes } from './scim-routes.ts'
import { serviceAdminRoutes } from './service-admin-routes.ts'
import { serviceLevelRoutes } from './service-level-routes.ts'
import { serviceRoutes } from './service-routes.ts'
import { cookieName, installSessions } from './session.ts'
import { sessionNoteRoutes } from './session-note-routes.ts'
import { spendRoutes } from './spend-routes.ts'
import { ssoRoutes } from './sso-routes.ts'
import { taxRoutes } from './tax-routes.ts'
import { tenantRoutes } from './tenant-routes.ts'
import { termsRoutes } from './terms-routes.ts'
import { topUpRoutes } from './top-up-routes.ts'
import { traderRoutes } from './trader-routes.ts'
import { usageRoutes } from './usage-routes.ts'
import { webhookRoutes } from './webhook-routes.ts'

export interface AppOptions {
  /** Proxies that say who is behind them: rates are limited by that address. */
  readonly trustedProxies?: string
  readonly operatorToken: string
  readonly ingest: Ingest
  /** Not where only the books are wanted. */
  readonly jobs?: Jobs
  /** Where the operator's backups are made; without it there are none over HTTP. */
  readonly backups?: string
  /** How the process is doing; one of its own when not given. */
  readonly operations?: Operations
  readonly logger?: FastifyBaseLogger
  /** Requests a minute from one address. */
  readonly requestsPerMinute?: number
}

export type App = FastifyInstance<
  import('node:http').Server,
  import('node:http').IncomingMessage,
  import('node:http').ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>

declare module 'fastify' {
  interface FastifyInstance {
    readonly settlement: SettlementContext
  }
}

/** JSON bodies here are a few hundred bytes; routes that take records say their own limit. */
const BODY_BYTES_MAX = 64 * 1024
/** A node's outbox asks twice a second at most; a run of tests on one machine asks more. */
const REQUESTS_PER_MINUTE = 6000
const REQUEST_TIMEOUT_MS = 30_000

/** The HTTP API, not listening yet. */
export async function createApp(context: SettlementContext, options: AppOptions): Promise<App> {
  const app = Fastify({
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    trustProxy: options.trustedProxies ?? false,
    routerOptions: { maxParamLength: 200 },
    // Who is on a connection that is about to close is still answered: closing waits for it.
    return503OnClosing: false,
    ...(options.logger === undefined ? {} : { loggerInstance: options.logger }),
    logController: new LogController({ disableRequestLogging: true }),
  }).withTypeProvider<ZodTypeProvider>()
  app.decorate('settlement', context)
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  collectRouteAccess(app as unknown as FastifyInstance)
  collectAuditedRoutes(app as unknown as FastifyInstance)
  installProblems(app as unknown as FastifyInstance)
  const operations = options.operations ?? new Operations()
  installOperations(app as unknown as FastifyInstance, operations)
  await app.register(helmet)
  await installSessions(app as unknown as FastifyInstance, context)
  await app.register(cors, () => corsFor(context))
  await app.register(rateLimit, {
    max: options.requestsPerMinute ?? REQUESTS_PER_MINUTE,
    timeWindow: 60_000,
    enableDraftSpec: true,
    errorResponseBuilder: (_request, { after }) =>
      new SettlementError('HANSE_RATE_LIMITED', `try again in ${after}`),
  })
  await installOpenApi(app as unknown as FastifyInstance, cookieName(context))
  app.addContentTypeParser('application/cbor', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  )
  installAccess(app as unknown as FastifyInstance, context, options.operatorToken)
  await app.register(async (scope) => {
    const routes = scope as unknown as App
    serviceRoutes(routes, context, operations)
    tenantRoutes(routes, context)
    keyRoutes(routes, context)
    peopleRoutes(routes, context)
    consumerRoutes(routes, context)
    memberRoutes(routes, context)
    invitationRoutes(routes, context)
    scimRoutes(routes, context)
    groupRoleRoutes(routes, context)
    ssoRoutes(routes, context)
    accessLogRoutes(routes, context)
    whenAudited(routes, context, gdprRoutes)
    whenAudited(routes, context, gdprAdminRoutes)
    whenAudited(routes, context, deletionRoutes)
    whenAudited(routes, context, providerRightsRoutes)
    topUpRoutes(routes, context)
    billingRoutes(routes, context)
    planRoutes(routes, context)
    authorizationRoutes(routes, context)
    usageRoutes(routes, context)
    forecastRoutes(routes, context)
    budgetRoutes(routes, context)
    policyRoutes(routes, context)
    gatewayRulesRoutes(routes, context)
    costRoutes(routes, context)
    rateCardRoutes(routes, context)
    publicRateCardRoutes(routes, context)
    importRoutes(routes, context)
    spendRoutes(routes, context)
    billRoutes(routes, context)
    outcomeRoutes(routes, context)
    exportRoutes(routes, context)
    serviceLevelRoutes(routes, context)
    serviceAdminRoutes(routes, context)
    sessionNoteRoutes(routes, context)
    exportScheduleRoutes(routes, context)
    allocationRoutes(routes, context)
    receiptRoutes(routes, context, options.ingest)
    providerRoutes(routes, context)
    nodeLinkRoutes(routes, context)
    publicLevelRoutes(routes, context)
    whenAudited(routes, context, attestationRoutes)
    whenAudited(routes, context, attestationAdminRoutes)
    whenAudited(routes, context, retentionRoutes)
    whenAudited(routes, context, breachRoutes)
    whenAudited(routes, context, traderRoutes)
    whenAudited(routes, context, dac7Routes)
    whenAudited(routes, context, complianceRoutes)
    webhookRoutes(routes, context)
    logRoutes(routes, context)
    whenAudited(routes, context, auditRoutes)
    whenAudited(routes, context, auditPackageRoutes)
    whenAudited(routes, context, auditAdminRoutes)
    adminRoutes(routes, context)
    explorerRoutes(routes, context)
    directoryRoutes(routes, context)
    logAdminRoutes(routes, context)
    operatorRoutes(routes, context)
    operatorSessionRoutes(routes, context)
    monthRoutes(routes, context)
    balanceSheetRoutes(routes, context)
    disableRoutes(routes, context)
    payoutRoutes(routes, context)
    adjustmentRoutes(routes, context)
    reconciliationRoutes(routes, context)
    earningsRoutes(routes, context)
    documentRoutes(routes, context)
    providerProfileRoutes(routes, context)
    taxRoutes(routes, context)
    termsRoutes(routes, context)
    alertRoutes(routes, context, options.ingest)
    notificationRoutes(routes, context)
    metricsRoutes(routes, context, operations)
    if (options.jobs !== undefined) {
      jobRoutes(routes, options.jobs)
    }
    if (options.backups !== undefined) {
      backupRoutes(routes, context, options.backups)
    }
  })
  await app.ready()
  return app as unknown as App
}
