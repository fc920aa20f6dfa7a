import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { LANGUAGES } from '../documents/render/words.ts'
import { SettlementError } from '../errors.ts'
import { tellOfChange } from '../people/links.ts'
import { giveLinkCode, linkNode } from '../provider-links/link-node.ts'
import { accountStanding, onboardingPage } from '../providers/provider-account.ts'
import type { App } from './app.ts'
import { background } from './background.ts'
import { accountOf, DONE, done, recordOwn } from './people-schemas.ts'
import { requirementSchema } from './provider-routes.ts'
import { nodeWay, ownerWay } from './provider-ways.ts'
import { givenJson, takeRawJson } from './raw-json.ts'

const BODY_BYTES_MAX = 2048
/** Each of these asks Stripe, which takes 25 requests a second from us; a page asks when somebody looks. */
const rateLimit = { max: 300, timeWindow: 60_000 }

const claimSchema = z.strictObject({
  code: z.string().max(64).describe('as the website shows it, once'),
  owner: z.string().max(254).describe('the e-mail address of whoever made the code'),
})
const ownersSchema = z.object({
  owners: z.array(z.object({ person: z.string(), email: z.string(), linkedAt: z.number() })),
})

/** Which people look after which nodes: the page gives a code, the node signs it, and either lets go. */
export function nodeLinkRoutes(app: App, context: SettlementContext): void {
  const { store } = context
  const later = background(app)
  const node = nodeWay(context)
  const owner = ownerWay(context)

  app.post(
    '/v1/account/nodes/codes',
    {
      config: { access: 'person' },
      schema: {
        description:
          'A code that a node signs to be linked to whoever is signed in (`hanse provider link`). It is good once, for half an hour; the one before is void.',
        response: {
          200: z.object({ code: z.string(), owner: z.string(), expiresAt: z.number() }),
        },
      },
    },
    async (request) => {
      const { person } = await accountOf(request, context)
      return { ...(await giveLinkCode(context, person.id)), owner: person.email }
    },
  )

  app.get(
    '/v1/account/nodes',
    {
      config: { access: 'person' },
      schema: {
        description:
          'Nodes that are linked to who is signed in, in the order in which they were. `country` and `payable` are of the payout account, as it was when Stripe was asked last; `lastPaidAt` is when something that it earned was booked last.',
        response: {
          200: z.object({
            nodes: z.array(
              z.object({
                peerId: z.string(),
                linkedAt: z.number(),
                country: z.string().nullable(),
                payable: z.boolean(),
                lastPaidAt: z.number().nullable(),
              }),
            ),
          }),
        },
      },
    },
    async (request) => {
      const { person } = await accountOf(request, context)
      return { nodes: await store.nodesOf(person.id) }
    },
  )

  app.delete(
    owner.prefix,
    {
      config: owner.config,
      schema: {
        description: 'Lets go of a node: who is signed in sees nothing of it any more.',
        params: owner.params,
        response: { 200: done },
      },
    },
    async (request) => {
      const peerId = await owner.reader(request)
      const { person } = await accountOf(request, context)
      await store.unlinkNode(person.id, peerId)
      later(recordOwn(context, request, person.id, 'unlink-node', { targets: { node: peerId } }))
      return DONE
    },
  )

  app.get(
    `${owner.prefix}/payout-account`,
    {
      config: { ...owner.config, rateLimit },
      schema: {
        description:
          'How the payout account of a node is, as Stripe says now; HANSE_PROVIDER_UNKNOWN where the node has none.',
        params: owner.params,
        response: {
          200: z.object({
            country: z.string(),
            payable: z.boolean(),
            requirements: z.array(requirementSchema).readonly(),
            deadlineMs: z.number().nullable(),
            isOpen: z.boolean(),
          }),
        },
      },
    },
    async (request) => accountStanding(context, await owner.reader(request)),
  )

  app.post(
    `${owner.prefix}/payout-account/links`,
    {
      config: { ...owner.config, rateLimit },
      schema: {
        description:
          'A page of Stripe where the owner identifies themselves and names a bank account, good for one visit. It leads back to the website. Wants a fresh sign-in.',
        params: owner.params,
        body: z.strictObject({ language: z.enum(LANGUAGES).default('en') }),
        response: { 200: z.object({ url: z.string() }) },
      },
    },
    async (request) => {
      const peerId = await owner.writer(request)
      const { language } = request.body
      const base = `${context.webOrigin ?? context.publicUrl()}${language === 'de' ? '/de' : ''}`
      const { person } = await accountOf(request, context)
      const url = await onboardingPage(context, peerId, `${base}/provider/payouts?node=${peerId}`)
      later(
        recordOwn(context, request, person.id, 'open-onboarding', { targets: { node: peerId } }),
      )
      return { url }
    },
  )

  app.register(async (scope) => {
    const routes = scope as unknown as App
    takeRawJson(routes, BODY_BYTES_MAX)

    routes.post(
      `${node.prefix}/links`,
      {
        config: { ...node.config, rateLimit },
        schema: {
          description:
            'JSON {code, owner}, signed by the node (RFC 9421): the person with this address, who has made the code, sees and manages from now on what belongs to the node.',
          response: { 200: ownersSchema },
        },
      },
      async (request) => {
        const peerId = await node.writer(request)
        const claim = givenJson(request.body, claimSchema)
        const { person, isNew } = await linkNode(context, { peerId, address: request.ip, ...claim })
        const owners = await store.nodeOwners(peerId)
        const found = owners.find((one) => one.person === person)
        if (isNew && found !== undefined) {
          const told = `The node ${peerId} was linked to your account.`
          later(recordOwn(context, request, person, 'link-node', { targets: { node: peerId } }))
          later(tellOfChange(context, found.email, told))
        }
        return { owners }
      },
    )
  })

  app.get(
    `${node.prefix}/links`,
    {
      config: node.config,
      schema: {
        description: 'People who look after the node whose key has signed the request (RFC 9421)',
        response: { 200: ownersSchema },
      },
    },
    async (request) => ({ owners: await store.nodeOwners(await node.reader(request)) }),
  )

  app.delete(
    `${node.prefix}/links/:person`,
    {
      config: node.config,
      schema: {
        description: 'This person sees nothing of the node any more, from now on.',
        params: z.object({ person: z.string().max(64) }),
        response: { 200: ownersSchema },
      },
    },
    async (request) => {
      const peerId = await node.writer(request)
      const { person } = request.params
      if (!(await store.unlinkNode(person, peerId))) {
        throw new SettlementError('HANSE_NOT_FOUND', 'no such person is linked to this node')
      }
      later(recordOwn(context, request, person, 'unlink-node', { targets: { node: peerId } }))
      return { owners: await store.nodeOwners(peerId) }
    },
  )
}
