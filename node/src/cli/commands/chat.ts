import type { Command } from 'commander'
import { clientSettings } from '../../config/schemas.ts'
import { answerLine } from '../chat/answer-line.ts'
import { AnswerPrinter } from '../chat/answer-printer.ts'
import { marketModels, onlyModel } from '../chat/market-models.ts'
import { addPolicyOptions, policyHeaders } from '../chat/policy-options.ts'
import { type StreamedAnswer, streamChat } from '../chat/stream-chat.ts'
import { chatAtTerminal } from '../chat/terminal-chat.ts'
import type { GatewayAccess } from '../gateway-client.ts'
import { usage } from '../log-options.ts'
import { bigints, EXIT_INTERRUPTED, paint } from '../output.ts'
import { settingsCommand } from '../settings-command.ts'
import { readInput } from './verify.ts'

const now = (): number => performance.now()

export function chatCommand(): Command {
  const command = settingsCommand(
    'chat',
    'Talk with a model through the gateway; without a message, at the terminal.',
    clientSettings,
    async (settings, args, flags) => {
      const message = await messageOf(args)
      const model =
        typeof flags.model === 'string' ? flags.model : onlyModel(await marketModels(settings))
      const system = typeof flags.system === 'string' ? flags.system : undefined
      const parameters = parametersOf(flags)
      const headers = policyHeaders(flags)
      if (message === undefined) {
        await chatAtTerminal({ access: settings, model, system, parameters, headers, now })
        return
      }
      const messages = [
        ...(system === undefined ? [] : [{ role: 'system', content: system }]),
        { role: 'user', content: message },
      ]
      const request = { ...parameters, model, messages }
      await answerOnce(settings, request, headers, flags.json === true)
    },
  )
    .argument('[message]', 'what to ask; - reads it from standard input')
    .option('--model <model>', 'model id or alias; may be left out when only one is on offer')
    .option('--system <text>', 'what the model is told first')
    .option('--max-tokens <n>', 'most tokens of an answer')
    .option('--temperature <n>', 'how freely words are chosen, 0 to 2')
    .option('--seed <n>', 'for an answer that can be had again')
    .option('--json', 'print the answer and what it cost as one JSON object')
  return addPolicyOptions(command)
}

async function answerOnce(
  access: GatewayAccess,
  request: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>>,
  json: boolean,
): Promise<void> {
  const stop = new AbortController()
  // A second one ends the process at once.
  process.once('SIGINT', () => stop.abort())
  const printer = new AnswerPrinter({ text: process.stdout, thoughts: process.stderr })
  const answer = await streamChat(access, request, {
    signal: stop.signal,
    headers,
    now,
    onText: json ? () => {} : printer.text,
    onReasoning: json ? () => {} : printer.thought,
  })
  if (json) console.log(JSON.stringify(jsonOf(answer), bigints))
  else {
    printer.stopThinking()
    process.stdout.write('\n')
    process.stderr.write(paint('dim', `${answerLine(answer)}\n`, process.stderr))
    process.stderr.write(paint('dim', `${access.gatewayUrl}${answer.bundle}\n`, process.stderr))
  }
  if (stop.signal.aborted) process.exitCode = EXIT_INTERRUPTED
  else if (answer.fault !== undefined) throw answer.fault
}

function jsonOf({ fault, cost, ...facts }: StreamedAnswer): object {
  const error = fault === undefined ? null : { code: fault.code, message: fault.message }
  return { ...facts, costPicoEuro: cost ?? null, error }
}

/** @returns `undefined` for a conversation at the terminal */
async function messageOf([given]: readonly string[]): Promise<string | undefined> {
  if (given !== undefined && given !== '-') return given
  if (given === undefined && process.stdin.isTTY && process.stdout.isTTY) return undefined
  const text = (await readInput('-')).toString('utf8').trim()
  if (text === '') throw usage('standard input is empty: there is nothing to ask')
  return text
}

function parametersOf(flags: Readonly<Record<string, unknown>>): Record<string, number> {
  const names = { maxTokens: 'max_tokens', temperature: 'temperature', seed: 'seed' } as const
  return Object.fromEntries(
    Object.entries(names).flatMap(([flag, name]) => {
      const value = flags[flag]
      if (value === undefined) return []
      const number = Number(value)
      if (!Number.isFinite(number) || value === '')
        throw usage(`--${name.replace('_', '-')}: not a number`)
      return [[name, number]]
    }),
  )
}
