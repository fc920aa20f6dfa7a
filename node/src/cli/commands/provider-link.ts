import type { Command } from 'commander'
import type { NodeOwner, ProviderApi } from '../../settlement/provider-api.ts'
import { usage } from '../log-options.ts'
import { type MoneyFlags, moneyCommand } from '../money/money-command.ts'
import { minuteText } from '../money/money-text.ts'
import { clean } from '../terminal-text.ts'

/** Commands by which the node's key says who looks after it in the browser, for `hanse provider`. */
export function providerLinkCommands(): Command[] {
  return [
    moneyCommand(
      'link',
      'Let a person see and manage this provider on the website, by the code that it shows them.',
      linkOwner,
    )
      .argument('<code>', 'as the website shows it, such as 7K3MD-Q0W2E')
      .requiredOption('--owner <email>', 'the address that this person signs in with')
      .option('--json', 'print as JSON'),
    moneyCommand(
      'links',
      'Who may see and manage this provider on the website.',
      async (api, flags) => show(await api.owners(), flags),
    ).option('--json', 'print as JSON'),
    moneyCommand('unlink', 'Let a person no longer do so, from now on.', unlinkOwner)
      .argument('<email>', 'as `hanse provider links` shows it')
      .option('--json', 'print as JSON'),
  ]
}

async function linkOwner(api: ProviderApi, flags: MoneyFlags, [code]: readonly string[]) {
  const { owner } = flags
  if (code === undefined || typeof owner !== 'string') throw usage('say the code, and --owner')
  show(await api.linkOwner(code, owner), flags)
}

async function unlinkOwner(api: ProviderApi, flags: MoneyFlags, [email]: readonly string[]) {
  const wanted = email?.trim().toLowerCase()
  const found = (await api.owners()).find((one) => one.email === wanted)
  if (found === undefined) throw usage(`${email ?? ''} is not linked: see \`hanse provider links\``)
  show(await api.unlinkOwner(found.person), flags)
}

function show(owners: readonly NodeOwner[], flags: MoneyFlags): void {
  if (flags.json === true) console.log(JSON.stringify({ owners }))
  else console.log(ownerLines(owners).join('\n'))
}

export function ownerLines(owners: readonly NodeOwner[]): string[] {
  if (owners.length === 0) return ['nobody: only this node’s key speaks for it']
  return owners.map(({ email, linkedAt }) => `${clean(email)}, since ${minuteText(linkedAt)} UTC`)
}
