import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import { importRequested, importSchema } from '../costs/import-request.ts'
import { askWhatIf, DAYS_ERROR, isDays, whatIfSchema } from '../costs/what-if-request.ts'
import { SettlementError } from '../errors.ts'
import type { Errand } from './operator-call.ts'

type Flags = Record<string, unknown>

/** Makes a command of the program, which takes every setting. */
type Make = (parent: Command, name: string, description: string) => Command
/** Does an errand, or says on standard error why not. */
type Do = (errand: (flags: Flags) => Promise<Errand> | Errand) => (flags: Flags) => Promise<void>

const LIST_MAX = 500

/** `rate-cards import | list | diff` and `costs what-if`. */
export function costCommands(program: Command, make: Make, run: Do): void {
  const cards = program.command('rate-cards').description('look after what models cost elsewhere')
  const source = (of: Command) =>
    of
      .option('--card <name>', 'its name, where the file does not say or shall not')
      .option('--provider <name>', 'of LiteLLM’s list, only the models of this provider')
      .option('--effective-from <day>', 'the first day on which it is in force')
  source(make(cards, 'import <file-or-url>', 'publish a new version of a rate card'))
    .option('--dry-run', 'only say what would change')
    .option('--accept', 'also when a price changes more than tenfold')
    .action((file: string, flags: Flags) => run((given) => importErrand(file, given))(flags))
  source(make(cards, 'diff <file-or-url>', 'say what a rate card would change')).action(
    (file: string, flags: Flags) =>
      run((given) => importErrand(file, { ...given, dryRun: true }))(flags),
  )
  make(cards, 'list', 'the newest versions of the platform’s rate cards').action(
    run(() => LIST_ERRAND),
  )
  const costs = program.command('costs').description('look at what usage costs')
  make(costs, 'what-if', 'what an organization’s usage would have cost by a rate card')
    .requiredOption('--organization <id>', 'whose usage')
    .requiredOption('--from <day>', 'such as 2026-10-01')
    .requiredOption('--to <day>', 'the day after the last')
    .requiredOption('--card <name>', 'such as openai')
    .option('--card-version <number>', 'this version, instead of the one in force on each day')
    .option('--map <ours=theirs...>', 'what models are called on the card')
    .option('--currency <code>', 'to convert into, by the rates given')
    .option('--rate <from:to:day=rate...>', 'such as USD:EUR:2026-10-01=0.8612')
    .option('--leave-out', 'leave out models without a price instead of failing')
    .option('--batch', 'as if all of it had been batches')
    .option('--group <group>', 'day-model, day or model', 'model')
    .action(run(whatIfErrand))
}

const LIST_ERRAND: Errand = {
  method: 'GET',
  path: `/v1/admin/rate-cards?limit=${LIST_MAX}`,
  onStore: async (store) => ({
    rateCards: await store.rateCards({ organization: null, limit: LIST_MAX }),
    feeds: await store.rateCardFeeds(null),
  }),
}

async function importErrand(file: string, flags: Flags): Promise<Errand> {
  const { card, provider, effectiveFrom } = flags
  const from = /^https?:/u.test(file) ? { url: file } : { content: await contentOf(file) }
  const given = { card, provider, effectiveFrom }
  const body = { ...from, ...definedOf(given) }
  const request = check(importSchema, body)
  const [dryRun, accept] = [flags.dryRun === true, flags.accept === true]
  return {
    method: 'POST',
    path: `/v1/admin/rate-cards/import?dryRun=${dryRun}&accept=${accept}`,
    body,
    onStore: (store) => {
      const options = { owner: null, actor: 'operator:root', dryRun, accept }
      return importRequested({ store, now: Date.now }, request, options)
    },
  }
}

function whatIfErrand(flags: Flags): Errand {
  const { organization, from, to, card, currency, group, cardVersion } = flags
  const body = {
    from,
    to,
    card,
    group,
    leaveOut: flags.leaveOut === true,
    batch: flags.batch === true,
    models: Object.fromEntries(listOf(flags.map).map((pair) => splitAt(pair, '='))),
    rates: listOf(flags.rate).map(rateOf),
    ...definedOf({ currency }),
    ...(cardVersion !== undefined && { version: Number(cardVersion) }),
  }
  const request = check(whatIfSchema.refine(isDays, DAYS_ERROR), body)
  return {
    method: 'POST',
    path: '/v1/admin/costs/what-if',
    body: { organization, ...body },
    onStore: (store) => askWhatIf({ store }, String(organization), request),
  }
}

function rateOf(text: string): { from: string; to: string; date: string; rate: string } {
  const [pair, rate] = splitAt(text, '=')
  const [from = '', to = '', date = ''] = pair.split(':')
  return { from, to, date, rate }
}

/** A model's name may have an equals sign; what it is called elsewhere comes after the last. */
function splitAt(text: string, mark: string): [string, string] {
  const at = text.lastIndexOf(mark)
  return [text.slice(0, Math.max(at, 0)), text.slice(at + 1)]
}

const listOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [])

const definedOf = (values: Flags): Flags =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))

async function contentOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new SettlementError('HANSE_RATE_CARD_INVALID', `${file} cannot be read`, { cause })
  }
}

function check<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const at = issue === undefined ? '' : z.core.toDotPath(issue.path)
  throw new SettlementError('HANSE_REQUEST_INVALID', `${at}: ${issue?.message ?? 'wrong'}`)
}
