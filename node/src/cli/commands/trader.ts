import { Command } from 'commander'
import type { ProviderApi, TraderView } from '../../settlement/provider-api.ts'
import { usage } from '../log-options.ts'
import { type MoneyFlags, moneyCommand } from '../money/money-command.ts'
import { centsText, minuteText } from '../money/money-text.ts'
import { clean } from '../terminal-text.ts'

const LABEL_WIDTH = 18
/** What is missing, in words, and with which command it is said. */
const MISSING: Readonly<Record<string, string>> = {
  'name-and-address': 'name and address: `hanse tax-profile set`',
  declaration: 'telephone, e-mail and certification: `hanse trader set`',
  'payment-account': 'a verified payout account: Stripe asks for what is left',
  'refused-by-operator': 'the operator has refused what you said: say it anew',
  'tax-identification-number': 'a tax identification number: `--tin DE:22/123/45678`',
  'natural-person': 'first name, last name and birth date: `hanse trader set`',
}

export function traderCommand(): Command {
  return new Command('trader')
    .description('Who this provider is, as consumers and the tax office are told it.')
    .addCommand(
      moneyCommand('show', 'Show it, and what is missing.', async (api, flags) =>
        show(await api.trader(), flags),
      )
        .option('--json', 'print as JSON')
        .exitOverride(),
      { isDefault: true },
    )
    .addCommand(
      moneyCommand('set', 'Say it; what is not given stays as it is.', setTrader)
        .option('--telephone <number>', 'such as +4940123456')
        .option('--email <address>', 'that consumers may write to')
        .option('--register <name>', 'trade register')
        .option('--register-number <number>', 'the number in it')
        .option('--tin <country:number...>', 'tax identification numbers, such as DE:22/123/45678')
        .option('--first-name <name>', 'of a private person')
        .option('--last-name <name>', 'of a private person')
        .option('--birth-date <day>', 'of a private person, such as 1990-01-31')
        .option('--birth-place <city>', 'of a private person, where there is no tax number')
        .option('--certify', 'I offer only services that comply with Union law')
        .option('--json', 'print as JSON')
        .exitOverride(),
    )
    .addCommand(
      moneyCommand('dac7', 'What is reported of a year to the tax office.', showYear)
        .requiredOption('--year <year>', 'such as 2026')
        .option('--json', 'print as JSON')
        .exitOverride(),
    )
}

async function setTrader(api: ProviderApi, flags: MoneyFlags): Promise<void> {
  const { declaration, certification } = await api.trader()
  if (declaration === null && flags.certify !== true) {
    throw usage('--certify: say that you offer only services that comply with Union law')
  }
  const text = (name: string) => (typeof flags[name] === 'string' ? flags[name] : undefined)
  const merged = {
    ...declaration,
    ...given({ telephone: text('telephone'), email: text('email') }),
    ...partOf('register', declaration?.register, {
      name: text('register'),
      number: text('registerNumber'),
    }),
    ...partOf('person', declaration?.person, {
      firstName: text('firstName'),
      lastName: text('lastName'),
      birthDate: text('birthDate'),
      birthPlace: text('birthPlace'),
    }),
    ...(Array.isArray(flags.tin) && { tins: flags.tin.map((tin) => readTin(String(tin))) }),
    ...(flags.certify === true && { certification }),
  }
  show(await api.setTrader(merged), flags)
}

/** A part that is changed where something of it is given. */
function partOf(
  name: string,
  before: object | undefined,
  changes: Readonly<Record<string, string | undefined>>,
): object {
  const said = given(changes)
  return Object.keys(said).length === 0 ? {} : { [name]: { ...before, ...said } }
}

const given = (all: Readonly<Record<string, string | undefined>>): object =>
  Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))

function readTin(text: string): { country: string; tin: string } {
  const [, country, tin] = /^([A-Z]{2}):(.+)$/u.exec(text) ?? []
  if (country === undefined || tin === undefined) throw usage('--tin: such as DE:22/123/45678')
  return { country, tin }
}

function show(view: TraderView, flags: MoneyFlags): void {
  if (flags.json === true) console.log(JSON.stringify(view))
  else console.log(traderLines(view).join('\n'))
}

export function traderLines(view: TraderView): string[] {
  const { declaration, missing, suspendedFrom, suspendedSince, review } = view
  const row = (name: string, value: string | undefined) =>
    value === undefined ? [] : [`${name.padEnd(LABEL_WIDTH)}${clean(value)}`]
  const until =
    suspendedFrom === null ? '' : `, or payouts stop on ${minuteText(suspendedFrom)} UTC`
  const { register, person } = declaration ?? {}
  return [
    ...row('state', view.state),
    ...row('telephone', declaration?.telephone),
    ...row('e-mail', declaration?.email),
    ...row('register', register && `${register.name} ${register.number}`),
    ...row('person', person && `${person.firstName} ${person.lastName}, ${person.birthDate}`),
    ...(declaration?.tins ?? []).flatMap(({ country, tin }) =>
      row('tax number', `${country} ${tin}`),
    ),
    ...row('review', review === null ? undefined : `${review.outcome}: ${review.reference}`),
    ...(suspendedSince === null ? [] : [`payouts stopped on ${minuteText(suspendedSince)} UTC`]),
    ...(missing.length === 0 ? [] : [`missing${suspendedSince === null ? until : ''}:`]),
    ...missing.map(({ what }) => `  ${MISSING[what] ?? clean(what)}`),
  ]
}

async function showYear(api: ProviderApi, flags: MoneyFlags): Promise<void> {
  const year = Number(flags.year)
  if (!Number.isInteger(year)) throw usage('--year: such as 2026')
  const report = await api.sellerYear(year)
  if (flags.json === true) {
    console.log(
      JSON.stringify(report, (_key, value) => (typeof value === 'bigint' ? `${value}` : value)),
    )
    return
  }
  const { quarters, totals } = report.seller
  const line = (name: string, { activities, considerationCents, feesCents }: typeof totals) =>
    `${name.padEnd(6)}${String(activities).padStart(10)}${centsText(considerationCents).padStart(16)}${centsText(feesCents).padStart(16)}`
  console.log(
    [
      `${year}, reported by ${clean(report.operator)}`,
      `${''.padEnd(6)}${'SESSIONS'.padStart(10)}${'CREDITED'.padStart(16)}${'FEES'.padStart(16)}`,
      ...quarters.map((quarter) => line(`Q${quarter.quarter + 1}`, quarter)),
      line('year', totals),
    ].join('\n'),
  )
}
