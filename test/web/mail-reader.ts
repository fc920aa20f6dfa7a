import fastify from 'fastify'

/** Without a mail server an installation on the double writes its mails into the log. */
export function mailReader() {
  /** What was mailed, newest last. */
  const mails: { readonly to: string; readonly link: string }[] = []
  const { log: logger } = fastify({
    logger: {
      level: 'warn',
      stream: {
        write: (line: string) => {
          const { text = '' } = JSON.parse(line) as { text?: string }
          for (const link of text.match(/http\S+#\S+/gu) ?? []) mails.push({ to: line, link })
        },
      },
    },
  })
  /** Waits for the link that was mailed last to a page, to an address where one is given. */
  const link = async (path: string, address = ''): Promise<string> => {
    for (;;) {
      const found = mails.findLast(
        (mail) => new URL(mail.link).pathname === path && mail.to.includes(address),
      )
      if (found !== undefined) return found.link
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  return { logger, link }
}
