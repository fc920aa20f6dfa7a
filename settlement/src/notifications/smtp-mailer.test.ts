import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Mail } from './mailer.ts'
import { smtpMailer } from './smtp-mailer.ts'
import { TEST_CERTIFICATE, TEST_KEY } from './testing/certificate.ts'
import { type MailServer, openMailServer, refusal } from './testing/mail-server.ts'

const FROM = 'hanse@example.org'
const MAIL: Mail = {
  to: 'anna@example.com',
  subject: 'Ein Budget ist überschritten',
  text: 'Grüße\n.\nEnde',
  html: '<p>Grüße</p>',
}
const mailerOf = ({ url }: Pick<MailServer, 'url'>, more = {}) =>
  smtpMailer({ url, from: FROM, timeoutMs: 5_000, ...more })

test('a mail arrives as it was written', async () => {
  await using server = await openMailServer()
  await using mailer = mailerOf(server)
  const unsubscribeUrl = 'https://example.org/v1/channels/unsubscribe?token=abc'
  await mailer.send({ ...MAIL, id: 'msg_1', unsubscribeUrl })
  const [arrived] = server.arrived
  expect(arrived).toMatchObject({ from: FROM, to: [MAIL.to] })
  const { mail } = arrived ?? {}
  expect(mail).toMatchObject({ subject: MAIL.subject, messageId: '<msg_1@example.org>' })
  expect(mail?.text?.trim().replaceAll('\r\n', '\n')).toBe(MAIL.text)
  expect(mail?.html?.trim()).toBe(MAIL.html)
  const header = (name: string) => mail?.headers.find(({ key }) => key === name)?.value
  expect(header('list-unsubscribe')).toBe(`<${unsubscribeUrl}>`)
  expect(header('list-unsubscribe-post')).toBe('List-Unsubscribe=One-Click')
  expect(header('auto-submitted')).toBe('auto-generated')
})

test.each([
  ['a recipient with a header behind it', { to: 'a@example.com\r\nBcc: b@example.com' }],
  ['two recipients', { to: 'a@example.com, b@example.com' }],
  ['a recipient with a command', { to: 'a@example.com> SIZE=1\r\nRSET' }],
  ['a recipient in quotes', { to: '"a\r\nb"@example.com' }],
  ['a subject of two lines', { subject: 'a\r\nBcc: b@example.com' }],
  ['an id of two lines', { id: 'a>\r\nBcc: b@example.com' }],
  ['an address to unsubscribe of two lines', { unsubscribeUrl: 'https://e.org/>\r\nBcc: b' }],
  ['an address to unsubscribe that is a script', { unsubscribeUrl: 'javascript:1' }],
  ['far too much text', { text: 'x'.repeat(300_000) }],
])('%s is refused before anything is sent', async (_name, more) => {
  await using server = await openMailServer()
  await using mailer = mailerOf(server)
  await expect(mailer.send({ ...MAIL, ...more })).rejects.toMatchObject({
    name: 'MailError',
    temporary: false,
  })
  expect(server.arrived).toEqual([])
})

test('a recipient that the server does not know is given up, one that it knows later is not', async () => {
  const answers = [550, 450]
  await using server = await openMailServer({
    onRcptTo: (_address, _session, done) => {
      const code = answers.shift()
      done(code === undefined ? null : refusal(code, 'anna@example.com is not known'))
    },
  })
  await using mailer = mailerOf(server)
  await expect(mailer.send(MAIL)).rejects.toMatchObject({
    temporary: false,
    message: 'the mail server did not take it: EENVELOPE 550',
  })
  await expect(mailer.send(MAIL)).rejects.toMatchObject({
    temporary: true,
    message: 'the mail server did not take it: EENVELOPE 450',
  })
  await mailer.send(MAIL)
  expect(server.arrived).toHaveLength(1)
})

test('greylisting after the text, too, is for later', async () => {
  await using server = await openMailServer()
  await using mailer = mailerOf(server)
  const answers = [refusal(451, 'greylisted'), refusal(554, 'spam')]
  server.onData = () => answers.shift() ?? new Error('none')
  await expect(mailer.send(MAIL)).rejects.toMatchObject({ temporary: true })
  await expect(mailer.send(MAIL)).rejects.toMatchObject({ temporary: false })
})

test('a server that hangs up after the text may have it or not: it is sent again', async () => {
  await using server = await openMailServer()
  await using mailer = mailerOf(server)
  server.onData = () => 'hang up'
  await expect(mailer.send(MAIL)).rejects.toMatchObject({ name: 'MailError', temporary: true })
  server.onData = undefined
  await mailer.send(MAIL)
  expect(server.arrived).toHaveLength(1)
})

test('wrong credentials are told without them, and are no fault of the mail', async () => {
  await using server = await openMailServer({
    allowInsecureAuth: true,
    onAuth: ({ password }, _session, done) =>
      password === 'right' ? done(null, { user: 'me' }) : done(refusal(535, `no: ${password}`)),
  })
  const url = `smtp://me@127.0.0.1:${server.port}`
  await using wrong = mailerOf({ url }, { password: 'wrong-password' })
  const failure = await wrong.send(MAIL).catch((error: unknown) => error)
  expect(failure).toMatchObject({ name: 'MailError', temporary: true })
  expect(JSON.stringify({ ...(failure as object), text: String(failure) })).not.toContain('wrong-p')
  await using right = mailerOf({ url }, { password: 'right' })
  await right.send(MAIL)
  expect(server.arrived).toHaveLength(1)
})

test('where TLS is required, nothing is sent without it, nor to a server with a certificate of nobody', async () => {
  await using plain = await openMailServer()
  await using mailer = mailerOf(plain, { requireTls: true })
  await expect(mailer.send(MAIL)).rejects.toMatchObject({ name: 'MailError', temporary: true })
  expect(plain.arrived).toEqual([])

  await using secure = await openMailServer({
    key: TEST_KEY,
    cert: TEST_CERTIFICATE,
    disabledCommands: ['AUTH'],
  })
  await using stranger = mailerOf(secure, { requireTls: true })
  await expect(stranger.send(MAIL)).rejects.toMatchObject({ name: 'MailError' })
  expect(secure.arrived).toEqual([])
  await using known = mailerOf(secure, { requireTls: true, ca: TEST_CERTIFICATE })
  await known.send(MAIL)
  expect(secure.arrived).toHaveLength(1)
})

test('mails are signed where a key is set', async () => {
  await using server = await openMailServer()
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const dkim = { domain: 'example.org', selector: 's1', privateKey: pem }
  await using mailer = mailerOf(server, { dkim })
  await mailer.send(MAIL)
  const signature = server.arrived[0]?.mail.headers.find(({ key }) => key === 'dkim-signature')
  expect(signature?.value).toContain('d=example.org')
  expect(signature?.value).toContain('s=s1')
})

test.each([
  ['https://example.org', FROM, 'smtpUrl'],
  ['smtp://me:secret@example.org', FROM, 'the password of SMTP is a secret'],
  ['smtp://example.org', 'Me <me@example.org>', 'mailFrom'],
])('%s from %s is no setting', (url, from, message) => {
  expect(() => smtpMailer({ url, from })).toThrow(message)
})
