import { Argument, Command, InvalidArgumentError } from 'commander'
import type { ProviderApi } from '../../settlement/provider-api.ts'
import { usage } from '../log-options.ts'
import { type MoneyFlags, type MoneyKey, moneyCommand } from '../money/money-command.ts'
import { bigints } from '../output.ts'
import { detailText, erasureText, exportsText, requestsText } from '../rights/rights-text.ts'
import { saveArchive } from '../rights/save-archive.ts'
import { clean } from '../terminal-text.ts'

/** An erasure is a command of its own, for it is done at once. */
const KINDS = ['access', 'rectification', 'restriction', 'objection']
const LIST_DEFAULT = 50
const LIST_MAX = 10_000
const NOTE_MAX = 2_000
const JSON_OPTION = ['--json', 'print as JSON, as the API answers'] as const

/** What a provider, who is often a person, may ask about its own data (GDPR, Articles 15 to 21). */
export function rightsCommand(): Command {
  return new Command('rights')
    .description(
      'What settlement holds about this provider: export, correct, restrict, object to and erase it.',
    )
    .addCommand(
      moneyCommand('list', 'List what was asked, newest first.', list)
        .option('-n, --limit <n>', 'how many', parseLimit, LIST_DEFAULT)
        .option(...JSON_OPTION)
        .exitOverride(),
      { isDefault: true },
    )
    .addCommand(
      moneyCommand('show', 'Show one request with every step.', show)
        .argument('<request>', 'such as rr_…', requestId)
        .option(...JSON_OPTION)
        .exitOverride(),
    )
    .addCommand(
      moneyCommand('open', 'Ask; the answer comes within a month.', open)
        .addArgument(new Argument('<kind>', 'what for').choices(KINDS))
        .option('--note <text>', 'what is wrong, or why', parseNote)
        .option(...JSON_OPTION)
        .exitOverride(),
    )
    .addCommand(
      moneyCommand('withdraw', 'End a restriction: data are processed again.', withdraw)
        .argument('<request>', 'such as rr_…', requestId)
        .option(...JSON_OPTION)
        .exitOverride(),
    )
    .addCommand(
      moneyCommand('export', 'Have an archive made in the background, or see how far one is.', ask)
        .option('--list', 'only list what was asked for')
        .option(...JSON_OPTION)
        .exitOverride(),
    )
    .addCommand(
      moneyCommand('download', 'Write an archive (.tar.gz) to a file.', download)
        .argument('[export]', 'such as dx_…; without one, everything as it is now', exportId)
        .option('-o, --output <file>', 'where to, `-` for standard output (default: its name)')
        .exitOverride(),
    )
    .addCommand(
      moneyCommand('erase', 'Erase what no law wants kept, for good.', erase)
        .option('--confirm <peer-id>', 'the peer id of this provider')
        .option('--give-up-balance', 'give up what is still owed')
        .option(...JSON_OPTION)
        .exitOverride(),
    )
}

async function list(api: ProviderApi, flags: MoneyFlags): Promise<void> {
  const requests = await api.rightsRequests(Number(flags.limit))
  print(flags, { requests }, () => requestsText(requests))
}

async function show(api: ProviderApi, flags: MoneyFlags, [id = '']: readonly string[]) {
  const found = await api.rightsRequest(id)
  print(flags, found, () => detailText(found))
}

async function open(api: ProviderApi, flags: MoneyFlags, [kind = '']: readonly string[]) {
  const note = typeof flags.note === 'string' ? flags.note : undefined
  const made = await api.askForRight(kind, note)
  print(flags, made, () => requestsText([made]))
}

async function withdraw(api: ProviderApi, flags: MoneyFlags, [id = '']: readonly string[]) {
  const after = await api.withdrawRestriction(id)
  print(flags, after, () => requestsText([after]))
}

async function ask(api: ProviderApi, flags: MoneyFlags): Promise<void> {
  if (flags.list === true) {
    const exports = await api.dataExports()
    print(flags, { exports }, () => exportsText(exports))
    return
  }
  const made = await api.askForExport()
  print(flags, made, () => exportsText([made]))
}

async function download(
  api: ProviderApi,
  { output }: MoneyFlags,
  [id]: readonly string[],
  { signer }: MoneyKey,
): Promise<void> {
  const made = id === undefined ? undefined : (await api.dataExports()).find((one) => one.id === id)
  const { body } = await api.dataArchive(id)
  const name = `${id ?? `hanse-${signer.peerId}`}.tar.gz`
  const file = typeof output === 'string' ? output : name
  await saveArchive(body, file, made?.sha256 ?? undefined)
  if (file !== '-') console.log(file)
}

async function erase(
  api: ProviderApi,
  flags: MoneyFlags,
  _args: readonly string[],
  { signer }: MoneyKey,
): Promise<void> {
  if (flags.confirm !== signer.peerId) {
    throw usage(
      `--confirm ${signer.peerId}: say which provider is erased; it cannot be undone, and what is still owed is paid out before, or given up with --give-up-balance`,
    )
  }
  const report = await api.eraseEverything(signer.peerId, flags.giveUpBalance === true)
  print(flags, report, () => erasureText(report))
}

function print(flags: MoneyFlags, json: object, text: () => string): void {
  console.log(flags.json === true ? JSON.stringify(json, bigints) : text())
}

const requestId = (text: string): string => idOf('rr_', text)
const exportId = (text: string): string => idOf('dx_', text)

function idOf(prefix: string, text: string): string {
  if (text.startsWith(prefix) && /^\w{2}_[\w-]{1,60}$/u.test(text)) return text
  throw new InvalidArgumentError(`${clean(text)} is no id such as ${prefix}…`)
}

function parseNote(text: string): string {
  const note = text.trim()
  if (note.length >= 1 && note.length <= NOTE_MAX) return note
  throw new InvalidArgumentError(`must have 1 to ${NOTE_MAX} characters.`)
}

function parseLimit(text: string): number {
  const limit = Number(text)
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= LIST_MAX) return limit
  throw new InvalidArgumentError(`must be a whole number from 1 to ${LIST_MAX}.`)
}
