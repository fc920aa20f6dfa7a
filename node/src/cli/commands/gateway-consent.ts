import { userInfo } from 'node:os'
import { Command } from 'commander'
import { BASES, type BasisState } from '../../privacy/lawful-basis.ts'
import { POLICY_TEXT } from '../../privacy/policy-text.ts'
import { withDesk } from '../gateway/desk-access.ts'
import { type DeskCall, deskCommand } from '../gateway/desk-command.ts'
import { usage } from '../log-options.ts'

/** `hanse gateway consent …` */
export function gatewayConsentCommand(): Command {
  return new Command('consent')
    .description('Why this gateway may process personal data (EU mode).')
    .exitOverride()
    .addCommand(
      deskCommand('show', 'Show what was stated, and the text that it was stated to.', show),
    )
    .addCommand(
      deskCommand('give', 'State the lawful basis; requests are answered from then on.', give)
        .option('--basis <basis>', `${BASES.join(', ')} (GDPR, Article 6)`)
        .option('--by <name>', 'who states it (default: this user)'),
    )
    .addCommand(
      deskCommand('withdraw', 'Withdraw it; what runs is stopped at once.', withdraw).option(
        '--by <name>',
        'who withdraws it (default: this user)',
      ),
    )
}

async function show({ settings, peer, json }: DeskCall): Promise<void> {
  const state = await withDesk(settings, peer, (desk) => desk.ask({ method: 'basis' }))
  if (json) {
    console.log(JSON.stringify({ ...state, text: POLICY_TEXT }))
    return
  }
  console.log(`${POLICY_TEXT}\n`)
  printState(state)
}

async function give({ settings, peer, json, flags }: DeskCall): Promise<void> {
  const basis = BASES.find((each) => each === flags.basis)
  if (basis === undefined) throw usage(`--basis: must be one of ${BASES.join(', ')}`)
  const by = byOf(flags.by)
  const state = await withDesk(
    settings,
    peer,
    (desk) => desk.ask({ method: 'basis-give', basis, by }),
    { mayMake: true },
  )
  if (json) console.log(JSON.stringify(state))
  else printState(state)
}

async function withdraw({ settings, peer, json, flags }: DeskCall): Promise<void> {
  const by = byOf(flags.by)
  const state = await withDesk(settings, peer, (desk) => desk.ask({ method: 'basis-withdraw', by }))
  if (json) console.log(JSON.stringify(state))
  else printState(state)
}

function byOf(by: unknown): string {
  return (typeof by === 'string' ? by : userInfo().username).slice(0, 128)
}

function printState({ standing, history }: BasisState): void {
  for (const { basis, version, givenAt, givenBy, withdrawnAt, withdrawnBy } of history) {
    const end =
      withdrawnAt === undefined ? '' : `, ended at ${stamp(withdrawnAt)} by ${withdrawnBy}`
    console.log(`${basis}, to version ${version}, at ${stamp(givenAt)} by ${givenBy}${end}`)
  }
  console.log(
    standing === undefined
      ? 'No lawful basis stands: requests are refused.'
      : 'It stands: requests are answered.',
  )
}

function stamp(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
