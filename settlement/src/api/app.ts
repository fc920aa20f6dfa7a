import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import {
  createJsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { Ingest } from '../ingest/ingest-service.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { installOperations } from '../operations/install-operations.ts'
import { Operations } from '../operations/operations.ts'
import { adjustmentRoutes } from './adjustment-routes.ts'
import { adminRoutes } from './admin-routes.ts'
import { alertRoutes } from './alert-routes.ts'
import { authorizationRoutes } from './authorization-routes.ts'
import { backupRoutes } from './backup-routes.ts'
import { billingRoutes } from './billing-routes.ts'
import { documentRoutes } from './document-routes.ts'
import { earningsRoutes } from './earnings-routes.ts'
import { jobRoutes } from './job-routes.ts'
import { keyRoutes } from './key-routes.ts'
import { logRoutes } from './log-routes.ts'
import { operatorRoutes } from './operator-routes.ts'
import { payoutRoutes } from './payout-routes.ts'
import { planRoutes } from './plan-routes.ts'
import { installProblems } from './problem.ts'
import { providerProfileRoutes } from './provider-profile-routes.ts'
import { providerRoutes } from './provider-routes.ts'
import { receiptRoutes } from './receipt-routes.ts'
import { reconciliationRoutes } from './reconciliation-routes.ts'
import { serviceRoutes } from './service-routes.ts'
import { taxRoutes } from './tax-routes.ts'
import { tenantRoutes } from './tenant-routes.ts'
import { termsRoutes } from './terms-routes.ts'
import { topUpRoutes } from './top-up-routes.ts'
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
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  installProblems(app as unknown as FastifyInstance)
  const operations = options.operations ?? new Operations()
  installOperations(app as unknown as FastifyInstance, operations)
  await app.register(helmet)
  // No cookie says who asks, only keys and signatures: a page of somebody else has nothing to borrow.
  await app.register(cors, { origin: '*', methods: ['GET'] })
  await app.register(rateLimit, {
    max: options.requestsPerMinute ?? REQUESTS_PER_MINUTE,
    timeWindow: 60_000,
    enableDraftSpec: true,
    errorResponseBuilder: (_request, { after }) =>
      new SettlementError('HANSE_RATE_LIMITED', `try again in ${after}`),
  })
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Hanse settlement', version: '1' },
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
    },
    transform: createJsonSchemaTransform({ zodToJsonConfig: { override: describeBigint } }),
  })
  app.addContentTypeParser('application/cbor', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  )
  await app.register(async (scope) => {
    const routes = scope as unknown as App
    serviceRoutes(routes, context, operations)
    tenantRoutes(routes, context)
    keyRoutes(routes, context)
    topUpRoutes(routes, context)
    billingRoutes(routes, context, options.operatorToken)
    planRoutes(routes, context)
    authorizationRoutes(routes, context, options.operatorToken)
    usageRoutes(routes, context, options.operatorToken)
    receiptRoutes(routes, context, options.ingest)
    providerRoutes(routes, context)
    webhookRoutes(routes, context)
    logRoutes(routes, context)
    adminRoutes(routes, context, options.operatorToken)
    operatorRoutes(routes, context, options.operatorToken)
    payoutRoutes(routes, context, options.operatorToken)
    adjustmentRoutes(routes, context, options.operatorToken)
    reconciliationRoutes(routes, context, options.operatorToken)
    earningsRoutes(routes, context)
    documentRoutes(routes, context, options.operatorToken)
    providerProfileRoutes(routes, context)
    taxRoutes(routes, context, options.operatorToken)
    termsRoutes(routes, context)
    alertRoutes(routes, context, options.ingest, options.operatorToken)
    if (options.jobs !== undefined) {
      jobRoutes(routes, context, options.jobs, options.operatorToken)
    }
    if (options.backups !== undefined) {
      backupRoutes(routes, context, options.operatorToken, options.backups)
    }
  })
  await app.ready()
  return app as unknown as App
}

/** JSON has no bigint: ours leave as decimal digits. */
function describeBigint({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: { _zod: { def: { type: string } } }
  jsonSchema: object
}): void {
  if (zodSchema._zod.def.type !== 'bigint') return
  Object.assign(jsonSchema, { type: 'string', pattern: '^-?\\d+$' })
}
