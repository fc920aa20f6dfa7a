import { Command, Option } from 'commander'
import type { ProviderApi, TaxProfile } from '../../settlement/provider-api.ts'
import { usage } from '../log-options.ts'
import { type MoneyFlags, moneyCommand } from '../money/money-command.ts'
import { minuteText } from '../money/money-text.ts'
import { clean } from '../terminal-text.ts'

/** Flags of `set`, in the order in which they are shown: name of the field, flag, meaning. */
const FIELDS = [
  ['name', '--name <name>', 'of the business or person'],
  ['street', '--street <street>', 'with the number'],
  ['postalCode', '--postal-code <code>', ''],
  ['city', '--city <city>', ''],
  ['country', '--country <code>', 'such as DE'],
  ['vatId', '--vat-id <id>', 'such as DE123456789; empty to take it away'],
  ['taxNumber', '--tax-number <number>', 'where there is no VAT id; empty to take it away'],
  ['registration', '--registration <text>', 'of the company register; empty to take it away'],
  ['email', '--email <address>', 'for questions about statements; empty to take it away'],
] as const
const LABEL_WIDTH = 18

export function taxProfileCommand(): Command {
  const set = moneyCommand(
    'set',
    'Say who you are; what is not given stays as it is. Later statements carry it.',
    setProfile,
  ).addOption(
    new Option('--kind <kind>', 'who sells').choices(['business', 'small-business', 'private']),
  )
  for (const [, flag, meaning] of FIELDS) set.option(flag, meaning)
  return new Command('tax-profile')
    .description('Who this provider is to the tax office, as its statements say it.')
    .addCommand(
      moneyCommand('show', 'Show it.', async (api, flags) => show(await api.taxProfile(), flags))
        .option('--json', 'print as JSON')
        .exitOverride(),
      { isDefault: true },
    )
    .addCommand(
      set
        .option('--agree-to-self-billing', 'let settlement write your invoices to it, on its terms')
        .option('--no-self-billing', 'take that back: statements are no invoices')
        .option('--json', 'print as JSON')
        .exitOverride(),
    )
}

async function setProfile(api: ProviderApi, flags: MoneyFlags): Promise<void> {
  const changes = ['kind', ...FIELDS.map(([field]) => field)].flatMap((field) => {
    const value = flags[field]
    return typeof value === 'string' ? [[field, value] as const] : []
  })
  const agrees = flags.agreeToSelfBilling === true
  const leaves = flags.selfBilling === false
  if (agrees && leaves) throw usage('--agree-to-self-billing or --no-self-billing, not both')
  if (changes.length === 0 && !agrees && !leaves) throw usage('say what is to change, see --help')
  const { profile, selfBillingTerms } = await api.taxProfile()
  const merged: Record<string, string> = { ...profile, ...Object.fromEntries(changes) }
  if (agrees) merged.selfBillingTerms = selfBillingTerms
  if (leaves) delete merged.selfBillingTerms
  for (const [field, value] of Object.entries(merged)) if (value === '') delete merged[field]
  show(await api.setTaxProfile(merged), flags)
}

function show(answer: TaxProfile, flags: MoneyFlags): void {
  if (flags.json === true) console.log(JSON.stringify(answer))
  else console.log(profileLines(answer).join('\n'))
}

function profileLines({ profile, version, at, selfBillingTerms }: TaxProfile): string[] {
  if (profile === null) return ['nothing yet: say who you are with `hanse tax-profile set`']
  const row = (name: string, value: string | undefined) =>
    value === undefined ? [] : [`${name.padEnd(LABEL_WIDTH)}${clean(value)}`]
  const agreed = profile.selfBillingTerms
  const terms = agreed === undefined ? `not agreed to (${selfBillingTerms} are the terms)` : agreed
  return [
    ...row('kind', profile.kind),
    ...FIELDS.flatMap(([field, flag]) => row(labelOf(flag), profile[field])),
    ...row('self-billing', terms),
    ...row('version', `${version}${at === null ? '' : `, since ${minuteText(at)} UTC`}`),
  ]
}

/** `--postal-code <code>` is shown as `postal code`. */
const labelOf = (flag: string): string =>
  flag.replace(/^--/u, '').replace(/ <.*$/u, '').replaceAll('-', ' ')
