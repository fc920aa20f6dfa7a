import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { StripeDouble } from './stripe-double.ts'

const share = z.number().min(0).max(1).exactOptional()
const waitMs = z.int().min(0).exactOptional()
const storm = z.strictObject({
  seed: z.int(),
  rates: z.strictObject({
    rateLimited: share,
    failed: share,
    unavailable: share,
    droppedBefore: share,
    droppedAfter: share,
    hung: share,
    slow: share,
    webhookLost: share,
    webhookTwice: share,
    webhookReordered: share,
    webhookDelayed: share,
    webhookStale: share,
    slowMs: waitMs,
    delayMs: waitMs,
  }),
})
const id = z.string().min(1).max(255)

type Command = (double: StripeDouble, body: unknown) => unknown

function command<P>(
  params: z.ZodType<P>,
  run: (double: StripeDouble, params: P) => unknown,
): Command {
  return (double, body) => run(double, params.parse(body))
}

/** What a person or a test in another process may do to the double: `POST /_double/<name>` with JSON. */
export const commands: Readonly<Record<string, Command>> = {
  advance: command(z.strictObject({ ms: z.int().min(0) }), (double, { ms }) => double.advance(ms)),
  fail: command(
    z.strictObject({
      operation: id,
      when: z.enum(['before', 'after']),
      status: z.union([z.int().min(400).max(599), z.enum(['drop', 'hang', 'slow'])]),
      retryAfterS: z.int().min(0).exactOptional(),
      delayMs: z.int().min(0).exactOptional(),
    }),
    (double, plan) => double.failNext(plan),
  ),
  storm: command(z.union([storm, z.strictObject({}).transform(() => undefined)]), (double, given) =>
    double.storm(given),
  ),
  deliver: command(z.strictObject({}), (double) => double.deliverWebhooks()),
  redeliver: command(z.strictObject({ event: id }), (double, { event }) => double.redeliver(event)),
  checkout: command(
    z.strictObject({ checkout: id, paymentMethod: id.optional() }),
    async (double, { checkout, paymentMethod }) => ({
      outcome: await double.completeCheckout(checkout, paymentMethod),
    }),
  ),
  dispute: command(
    z.strictObject({ charge: id, reason: id.optional() }),
    async (double, { charge, reason }) => ({ dispute: await double.disputeCharge(charge, reason) }),
  ),
  'decide-dispute': command(
    z.strictObject({ dispute: id, outcome: z.enum(['won', 'lost']) }),
    (double, { dispute, outcome }) => double.decideDispute(dispute, outcome),
  ),
  transfers: command(
    z.strictObject({
      account: id,
      status: z.enum(['active', 'pending', 'rejected', 'restricted']),
      code: id.optional(),
    }),
    (double, { account, status, code }) => double.setTransfers(account, status, code),
  ),
  require: command(
    z.strictObject({
      account: id,
      requirements: z.array(
        z.strictObject({
          what: id,
          due: z.enum(['currently_due', 'eventually_due', 'past_due']),
          deadline: z.iso.datetime().exactOptional(),
        }),
      ),
    }),
    (double, { account, requirements }) => double.requireOf(account, requirements),
  ),
  bank: command(
    z.strictObject({ account: id, mood: z.enum(['good', 'refuses', 'sends back']) }),
    (double, { account, mood }) => double.setBank(account, mood),
  ),
  'fail-payout': command(
    z.strictObject({ payout: id, code: id.optional() }),
    (double, { payout, code }) => double.failPayout(payout, code),
  ),
  adjust: command(z.strictObject({ account: id, cents: z.int() }), (double, { account, cents }) =>
    double.adjustBalance(account, cents),
  ),
  close: command(z.strictObject({ account: id }), (double, { account }) =>
    double.closeAccount(account),
  ),
  deauthorize: command(z.strictObject({ account: id }), (double, { account }) =>
    double.deauthorize(account),
  ),
}

/** Not part of Stripe's API, and for this machine only. */
export function controlRoutes(app: FastifyInstance, double: StripeDouble): void {
  app.post<{ Params: { command: string } }>('/_double/:command', async (request, reply) => {
    if (!isLocal(request)) return reply.code(403).send({ error: 'only from this machine' })
    const run = Object.hasOwn(commands, request.params.command)
      ? commands[request.params.command]
      : undefined
    if (run === undefined) return reply.code(404).send({ error: 'no such command' })
    try {
      return reply.send((await run(double, request.body)) ?? {})
    } catch (error) {
      return reply.code(400).send({ error: error instanceof Error ? error.message : 'failed' })
    }
  })
}

/** From loopback, and not by way of a page in a browser: that cannot send JSON to another origin unasked. */
function isLocal({ ip, headers }: FastifyRequest): boolean {
  const loopback = /^(?:127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/.test(ip)
  const host = /^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::\d+)?$/.test(headers.host ?? '')
  return loopback && host && /^application\/json\b/.test(headers['content-type'] ?? '')
}
