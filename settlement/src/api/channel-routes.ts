import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { addChannel, askMailbox } from '../notifications/add-channel.ts'
import type { OpenChannel } from '../notifications/channel.ts'
import { newSecret } from '../notifications/channel-secret.ts'
import { testChannel } from '../notifications/test-channel.ts'
import type { App } from './app.ts'
import {
  changeChannelBody,
  channelSchema,
  idParams,
  newChannelBody,
  testSchema,
  withSecretSchema,
} from './notification-schemas.ts'
import { REACHING_OUT, type Side, security } from './notification-side.ts'

/** Where events are told. */
export function channelRoutes(app: App, context: SettlementContext, side: Side): void {
  const { store, now } = context
  const { prefix, access, who } = side
  const opened = async (request: FastifyRequest, id: string): Promise<OpenChannel> => {
    const { owner } = who(request)
    const channel = await store.openChannel(id, owner)
    if (channel === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such channel')
    return channel
  }

  app.get(
    `${prefix}/channels`,
    {
      config: access('alerts:read'),
      schema: {
        security,
        description: 'Where events are told; addresses only as a hint, secrets never',
        response: { 200: z.object({ channels: z.array(channelSchema) }) },
      },
    },
    async (request) => ({
      channels: await store.channels(who(request).owner),
    }),
  )

  app.post(
    `${prefix}/channels`,
    {
      config: { ...REACHING_OUT, ...access('alerts:write') },
      schema: {
        security,
        description:
          'Adds a mailbox, which is asked first, a webhook (Standard Webhooks), whose secret is told here and never again, or an incoming webhook of Slack',
        body: newChannelBody,
        response: { 201: withSecretSchema },
      },
    },
    async (request, reply) => {
      const { owner, actor } = who(request)
      const { channel, secret } = await addChannel(context, owner, { ...request.body, by: actor })
      return reply.code(201).send({ ...channel, secret })
    },
  )

  app.patch(
    `${prefix}/channels/:id`,
    {
      config: access('alerts:write'),
      schema: {
        security,
        description: 'Renames a channel, sets its rate, or switches it off or on again',
        params: idParams,
        body: changeChannelBody,
        response: { 200: channelSchema },
      },
    },
    async (request) => {
      const { owner } = who(request)
      const { name, hourlyMax, isActive } = request.body
      const change = {
        ...(name !== undefined && { name }),
        ...(hourlyMax !== undefined && { hourlyMax }),
        ...(isActive !== undefined && { isActive }),
      }
      return store.changeChannel(request.params.id, owner, change, now())
    },
  )

  app.delete(
    `${prefix}/channels/:id`,
    {
      config: access('alerts:write'),
      schema: {
        security,
        description: 'Removes a channel with its subscriptions and all that waits for it',
        params: idParams,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { owner } = who(request)
      await store.removeChannel(request.params.id, owner)
      return reply.code(204).send(null)
    },
  )

  app.post(
    `${prefix}/channels/:id/secret`,
    {
      config: access('alerts:write'),
      schema: {
        security,
        description: 'A new secret of a webhook; for a day, messages have a signature of both',
        params: idParams,
        response: { 200: withSecretSchema },
      },
    },
    async (request) => {
      const { kind, owner, id } = await opened(request, request.params.id)
      if (kind !== 'webhook') {
        throw new SettlementError('HANSE_CHANNEL_STATE', 'only a webhook has a secret')
      }
      const secret = newSecret()
      return { ...(await store.rotateSecret(id, owner, secret, now())), secret }
    },
  )

  app.post(
    `${prefix}/channels/:id/confirmation`,
    {
      config: { ...REACHING_OUT, ...access('alerts:write') },
      schema: {
        security,
        description: 'Asks a mailbox once more',
        params: idParams,
        response: { 202: channelSchema },
      },
    },
    async (request, reply) => {
      const channel = await opened(request, request.params.id)
      if (channel.state !== 'unconfirmed') {
        throw new SettlementError('HANSE_CHANNEL_STATE', `it is ${channel.state}`)
      }
      await askMailbox(context, channel)
      return reply.code(202).send(channel)
    },
  )

  app.post(
    `${prefix}/channels/:id/test`,
    {
      config: { ...REACHING_OUT, ...access('alerts:write') },
      schema: {
        security,
        description: 'Sends a test, now and once',
        params: idParams,
        response: { 200: testSchema },
      },
    },
    async (request) => testChannel(context, await opened(request, request.params.id)),
  )
}
