import { HanseError, isErrorCode } from '@hanse/protocol'
import type { Command } from 'commander'
import { createParser } from 'eventsource-parser'
import { clientSettings } from '../../config/schemas.ts'
import { askGateway } from '../gateway-client.ts'
import { paint } from '../output.ts'
import { settingsCommand } from '../settings-command.ts'

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string | null } }[]
  readonly error?: { readonly code?: string; readonly message?: string }
}

export function chatCommand(): Command {
  return settingsCommand(
    'chat',
    'Ask a model through the gateway and print the answer as it comes.',
    clientSettings,
    async (settings, args, flags) => {
      const [message = ''] = args
      const stop = new AbortController()
      process.once('SIGINT', () => stop.abort())
      const maxTokens = flags.maxTokens === undefined ? {} : { max_tokens: Number(flags.maxTokens) }
      const response = await askGateway(settings, '/v1/chat/completions', {
        method: 'POST',
        signal: stop.signal,
        body: JSON.stringify({
          model: flags.model,
          stream: true,
          messages: [{ role: 'user', content: message }],
          ...maxTokens,
        }),
      })
      await printStream(response)
      const header = (name: string) => response.headers.get(`x-hanse-${name}`)
      process.stderr.write(
        paint(
          'dim',
          `${header('model')} by …${header('provider')?.slice(-8)} in ${header('country')}; bundle: ${settings.gatewayUrl}${header('bundle')}\n`,
          process.stderr,
        ),
      )
    },
  )
    .argument('<message>', 'what to ask')
    .option('--model <model>', 'model id or alias', 'hanse/tiny-v1:f16')
    .option('--max-tokens <n>', 'most tokens of the answer')
}

async function printStream(response: Response): Promise<void> {
  let fault: HanseError | undefined
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data === '[DONE]') return
      const chunk = JSON.parse(data) as Chunk
      if (chunk.error !== undefined) {
        const { code, message } = chunk.error
        fault = new HanseError(
          isErrorCode(code) ? code : 'HANSE_INTERNAL',
          message ?? 'the answer broke off',
        )
      }
      process.stdout.write(chunk.choices?.[0]?.delta?.content ?? '')
    },
  })
  const decoder = new TextDecoder()
  for await (const bytes of response.body ?? [])
    parser.feed(decoder.decode(bytes, { stream: true }))
  process.stdout.write('\n')
  if (fault !== undefined) throw fault
}
