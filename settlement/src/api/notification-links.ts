import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { followLink } from '../notifications/add-channel.ts'
import type { LinkPurpose } from '../notifications/channel-secret.ts'
import { escaped } from '../notifications/mail-message.ts'
import type { App } from './app.ts'

const FORM = 'application/x-www-form-urlencoded'
const tokenQuery = z.object({ token: z.string().max(200) })

const PAGES = {
  confirm: { question: 'Receive notifications in this mailbox', done: 'You will be told.' },
  unsubscribe: { question: 'Receive no more notifications', done: 'You will get no more mails.' },
} as const satisfies Record<LinkPurpose, { question: string; done: string }>

/**
 * The pages behind the links in mails. Looking at one changes nothing, for what reads mails follows their links: it takes the
 * button, or the one click that mail programs send themselves (RFC 8058).
 */
export function notificationLinks(app: App, context: SettlementContext): void {
  app.register(async (plugin) => {
    const scope = plugin as unknown as App
    if (!scope.hasContentTypeParser(FORM)) {
      scope.addContentTypeParser(FORM, { parseAs: 'string' }, (_request, _body, done) =>
        done(null, undefined),
      )
    }
    for (const purpose of ['confirm', 'unsubscribe'] as const) {
      linkRoutes(scope, context, purpose)
    }
  })
}

function linkRoutes(app: App, context: SettlementContext, purpose: LinkPurpose): void {
  const path = `/v1/channels/${purpose}`
  const { question, done } = PAGES[purpose]
  const schema = {
    querystring: tokenQuery,
    produces: ['text/html'],
    description: `A page for whoever reads a mailbox: ${question.toLowerCase()}`,
  }
  app.get(path, { config: { access: 'link' }, schema }, ({ query }, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('referrer-policy', 'no-referrer')
      .send(
        page(
          `<form method="post" action="?token=${escaped(encodeURIComponent(query.token))}"><button>${question}</button></form>`,
        ),
      ),
  )
  app.post(path, { config: { access: 'link' }, schema }, async ({ query }, reply) => {
    await followLink(context, purpose, query.token)
    return reply.type('text/html; charset=utf-8').send(page(`<p>${done}</p>`))
  })
}

const page = (body: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>Notifications</title><body>${body}</body></html>`
