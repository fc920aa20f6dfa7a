import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import PostalMime, { type Email } from 'postal-mime'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

export interface ArrivedMail {
  readonly from: string
  readonly to: readonly string[]
  readonly mail: Email
}

/** A mail server on this machine. */
export interface MailServer extends AsyncDisposable {
  readonly port: number
  readonly url: string
  readonly arrived: ArrivedMail[]
  /** What it does with the next mails once it has read them: hangs up, or says so. */
  onData: (() => Error | 'hang up') | undefined
}

/** Without login and TLS unless the options say so. */
export async function openMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const arrived: ArrivedMail[] = []
  const sockets = new Set<{ destroy(): void }>()
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: options.onAuth === undefined ? ['AUTH', 'STARTTLS'] : [],
    disableReverseLookup: true,
    closeTimeout: 100,
    ...options,
    onData(stream, session, done) {
      const take = async (): Promise<void> => {
        const raw = await buffer(stream)
        const fate = self.onData?.()
        if (fate === 'hang up') {
          for (const socket of sockets) socket.destroy()
          return
        }
        if (fate !== undefined) return done(fate)
        const { mailFrom, rcptTo } = session.envelope
        arrived.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          mail: await PostalMime.parse(raw),
        })
        done()
      }
      take().catch(done)
    },
  })
  server.on('error', () => {})
  server.server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const { port } = server.server.address() as AddressInfo
  const self: MailServer = {
    port,
    url: `smtp://127.0.0.1:${port}`,
    arrived,
    onData: undefined,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
  return self
}

/** A refusal with a code of SMTP. */
export const refusal = (responseCode: number, message: string): Error =>
  Object.assign(new Error(message), { responseCode })
