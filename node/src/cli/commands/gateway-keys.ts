import { Command } from 'commander'
import { GRACE_MS_MAX } from '../../control/index.ts'
import type { NewKey, VirtualKey } from '../../gateway/keys/key-book.ts'
import { withDesk } from '../gateway/desk-access.ts'
import { type DeskCall, deskCommand } from '../gateway/desk-command.ts'
import { parseDuration } from '../gateway/duration.ts'
import { addKeyFlags, termsOf } from '../gateway/key-flags.ts'
import { keyLines, keyTable } from '../gateway/key-text.ts'
import { usage } from '../log-options.ts'
import { bigints, paint } from '../output.ts'

/** `hanse gateway keys …` */
export function gatewayKeysCommand(): Command {
  return new Command('keys')
    .description('Keys for others to use this gateway with, each with its own budget and limits.')
    .exitOverride()
    .addCommand(
      addKeyFlags(
        deskCommand('create', 'Make a key; its secret is shown this once.', create).argument(
          '<name>',
          'whose it is',
        ),
      ),
    )
    .addCommand(
      deskCommand('list', 'List the keys, and what they have spent.', list).option(
        '--all',
        'revoked ones too',
      ),
    )
    .addCommand(
      deskCommand('show', 'Show all of a key but its secret.', show).argument(
        '<key>',
        'name or id',
      ),
    )
    .addCommand(
      addKeyFlags(
        deskCommand('update', 'Change what a key may do.', update)
          .argument('<key>', 'name or id')
          .option('--name <name>', 'another name')
          .option('--disable', 'lets it do nothing until it is enabled')
          .option('--enable', 'lets it be used again'),
      ),
    )
    .addCommand(
      deskCommand('rotate', 'Give a key another secret; it is shown this once.', rotate)
        .argument('<key>', 'name or id')
        .option(
          '--grace <time>',
          'for how long the old secret counts too, such as 12h (default: 0s)',
        ),
    )
    .addCommand(
      deskCommand(
        'revoke',
        'End a key for good, with the requests that run on it.',
        revoke,
      ).argument('<key>', 'name or id'),
    )
}

async function create({ settings, peer, json, flags, args: [name = ''] }: DeskCall): Promise<void> {
  const terms = termsOf(flags)
  const made = await withDesk(
    settings,
    peer,
    (desk) => desk.ask({ method: 'key-create', name, terms }),
    { mayMake: true },
  )
  printNew(made, json, 'made')
}

async function list({ settings, peer, json, flags }: DeskCall): Promise<void> {
  const keys = await withDesk(settings, peer, (desk) => desk.keys())
  const shown = flags.all === true ? keys : keys.filter(({ state }) => state !== 'revoked')
  if (json) console.log(JSON.stringify({ keys: shown }, bigints))
  else if (shown.length > 0) console.log(keyTable(shown))
  else console.log('No keys. Make one: hanse gateway keys create <name> --budget 5')
}

async function show({ settings, peer, json, args: [which = ''] }: DeskCall): Promise<void> {
  const keys = await withDesk(settings, peer, (desk) => desk.keys())
  const key =
    keys.find(({ id }) => id === which) ??
    keys.find(({ name, state }) => name === which && state !== 'revoked')
  if (key === undefined) throw usage(`there is no key ${which}; see \`hanse gateway keys list\``)
  print(key, json)
}

async function update({ settings, peer, json, flags, args: [key = ''] }: DeskCall): Promise<void> {
  if (flags.disable === true && flags.enable === true)
    throw usage('--disable or --enable, not both')
  const changes = {
    ...termsOf(flags),
    ...(flags.disable === true ? { disabled: true } : {}),
    ...(flags.enable === true ? { disabled: false } : {}),
  }
  const name = typeof flags.name === 'string' ? flags.name : undefined
  if (name === undefined && Object.keys(changes).length === 0)
    throw usage('nothing to change: see `hanse gateway keys update --help`')
  const changed = await withDesk(settings, peer, (desk) =>
    desk.ask({ method: 'key-update', key, changes, name }),
  )
  print(changed, json)
}

async function rotate({ settings, peer, json, flags, args: [key = ''] }: DeskCall): Promise<void> {
  const graceMs = typeof flags.grace === 'string' ? parseDuration(flags.grace) : 0
  if (graceMs === undefined || graceMs > GRACE_MS_MAX)
    throw usage('--grace: must be a time such as 30m or 12h, of at most 7d')
  const made = await withDesk(settings, peer, (desk) =>
    desk.ask({ method: 'key-rotate', key, graceMs }),
  )
  printNew(made, json, 'has a new secret')
}

async function revoke({ settings, peer, json, args: [key = ''] }: DeskCall): Promise<void> {
  const revoked = await withDesk(settings, peer, (desk) => desk.ask({ method: 'key-revoke', key }))
  if (json) console.log(JSON.stringify({ key: revoked }, bigints))
  else console.log(`key ${revoked.name} revoked`)
}

function printNew({ key, secret }: NewKey, json: boolean, what: string): void {
  if (json) {
    console.log(JSON.stringify({ key, secret }, bigints))
    return
  }
  console.log(`key ${key.name} ${what} (${key.id}). Its secret is shown this once:\n`)
  // Alone on its line, so that it can be copied whole.
  console.log(`  ${paint('bold', secret)}\n`)
  console.log('Clients send it as their API key: OPENAI_API_KEY, or authorization: Bearer …')
}

function print(key: VirtualKey, json: boolean): void {
  if (json) console.log(JSON.stringify({ key }, bigints))
  else console.log(keyLines(key).join('\n'))
}
