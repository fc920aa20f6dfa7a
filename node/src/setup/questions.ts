import {
  autocomplete,
  confirm,
  intro,
  isCancel,
  multiselect,
  note,
  outro,
  select,
  text,
} from '@clack/prompts'
import { formatPrice, HanseError, type Prices, parsePrice } from '@hanse/protocol'
import { multiaddr } from '@multiformats/multiaddr'
import type { Machine } from '../machine/index.ts'
import { countryCodes, countryName, countryOfTimeZone } from './country.ts'

/** A model that could be offered, and what it might cost. */
export interface Candidate {
  /** The name on the market. */
  readonly id: string
  /** The engine's own name. */
  readonly engineModel: string
  readonly engine: string
  readonly prices: Prices
  /** Where the prices come from, in a few words. */
  readonly why: string
}

export interface Found {
  readonly machine: Machine
  readonly engines: readonly string[]
  readonly candidates: readonly Candidate[]
  readonly onlyDemonstration: boolean
}

/** What was given by flag, environment or file is not asked. */
export interface Given {
  readonly country: string | undefined
  readonly bootstrap: readonly string[]
  readonly settlementUrl: string | undefined
  readonly mdns: boolean
}

export interface Answered {
  readonly country: string
  readonly bootstrap: readonly string[]
  readonly settlementUrl: string | undefined
  /** Ids of the candidates to offer. */
  readonly models: readonly string[]
  readonly prices: ReadonlyMap<string, Prices>
}

/** Asks all that a first start needs, once. @returns `undefined` when its owner does not want to go on */
export async function askOwner(found: Found, given: Given): Promise<Answered | undefined> {
  intro('Put this machine on the market')
  note(describe(found).join('\n'), 'Found')
  try {
    const country = given.country ?? (await askCountry())
    const bootstrap =
      given.bootstrap.length > 0 || given.mdns ? given.bootstrap : await askBootstrap()
    const settlementUrl = given.settlementUrl ?? (await askSettlement())
    const models = await askModels(found.candidates)
    const prices = await askPrices(found.candidates.filter(({ id }) => models.includes(id)))
    const go = await answer(confirm({ message: 'Go on the market now?' }))
    if (!go) throw new Cancelled()
    outro('Going live. The answers are kept; this is not asked again.')
    return { country, bootstrap, settlementUrl, models, prices }
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error
    outro('Nothing was changed.')
    return undefined
  }
}

class Cancelled extends Error {}

async function answer<Value>(asked: Promise<Value>): Promise<Exclude<Value, symbol>> {
  const value = await asked
  if (isCancel(value)) throw new Cancelled()
  return value as Exclude<Value, symbol>
}

/** What was found, in a few lines; also for those who are not asked. */
export function describe({ machine, engines, onlyDemonstration }: Found): string[] {
  const gpus = machine.gpus.map(({ name, vramBytes, driver }) =>
    [name, vramBytes === 0 ? '' : gib(vramBytes), driver === null ? '' : `driver ${driver}`]
      .filter((part) => part !== '')
      .join(', '),
  )
  return [
    `GPU      ${gpus.length === 0 ? 'none: models run on the processor' : gpus.join('; ')}`,
    `Machine  ${machine.cpu}, ${machine.cores} cores, ${gib(machine.memoryBytes)}`,
    `Engines  ${engines.length === 0 ? 'none is running' : engines.join('; ')}`,
    ...(onlyDemonstration
      ? [
          '',
          'Only the small demonstration model is here: it tells children’s stories. Start Ollama, vLLM',
          'or another engine, or `hanse models pull` a model, and start again to sell real ones.',
        ]
      : []),
  ]
}

function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(0)} GiB`
}

async function askCountry(): Promise<string> {
  const guess = countryOfTimeZone()
  return await answer(
    autocomplete({
      message: 'Which country is this machine in? It is signed with every offer.',
      options: countryCodes().map((code) => ({
        value: code,
        label: `${countryName(code)} (${code})`,
      })),
      ...(guess === undefined ? {} : { initialValue: guess }),
      maxItems: 6,
    }),
  )
}

async function askBootstrap(): Promise<string[]> {
  const given = await answer(
    text({
      message: 'Address of a relay to join the network through',
      placeholder: '/ip4/203.0.113.7/tcp/4001/p2p/12D3KooW…',
      validate: (value) => (isMultiaddr(value?.trim() ?? '') ? undefined : 'Not a multiaddress'),
    }),
  )
  return [given.trim()]
}

function isMultiaddr(value: string): boolean {
  try {
    return value !== '' && multiaddr(value).getComponents().length > 0
  } catch {
    return false
  }
}

async function askSettlement(): Promise<string | undefined> {
  const given = await answer(
    text({
      message: 'Settlement service that pays you (leave empty to serve friends without money)',
      placeholder: 'https://settlement.example',
      defaultValue: '',
      validate: (value) =>
        isUrlOrEmpty(value?.trim() ?? '') ? undefined : 'Not an http(s) address',
    }),
  )
  return given.trim() === '' ? undefined : given.trim()
}

function isUrlOrEmpty(value: string): boolean {
  return value === '' || /^https?:$/u.test(URL.parse(value)?.protocol ?? '')
}

async function askModels(candidates: readonly Candidate[]): Promise<string[]> {
  const width = Math.max(...candidates.map(({ id }) => id.length))
  return await answer(
    multiselect({
      message: 'Which models do you offer?',
      options: candidates.map(({ id, engine, prices, why }) => ({
        value: id,
        label: `${id.padEnd(width)}  ${shown(prices)}`,
        hint: `${engine}; ${why}`,
      })),
      initialValues: candidates.map(({ id }) => id),
      required: true,
      maxItems: 12,
    }),
  )
}

async function askPrices(candidates: readonly Candidate[]): Promise<Map<string, Prices>> {
  const how = await answer(
    select({
      message: 'At these prices? (You can change them later: hanse price advise)',
      options: [
        { value: 'suggested', label: 'Yes, as suggested' },
        { value: 'own', label: 'No, I set them myself' },
      ],
    }),
  )
  const prices = new Map(candidates.map(({ id, prices: suggested }) => [id, suggested]))
  if (how === 'suggested') return prices
  for (const { id, prices: suggested } of candidates) {
    prices.set(id, {
      inputPrice: await askPrice(`${id}: euro per million input tokens`, suggested.inputPrice),
      outputPrice: await askPrice(`${id}: euro per million output tokens`, suggested.outputPrice),
    })
  }
  return prices
}

async function askPrice(message: string, suggested: Prices['inputPrice']) {
  const initialValue = formatPrice(suggested).replace(/ EUR\/Mtok$/u, '')
  const given = await answer(
    text({
      message,
      initialValue,
      validate: (value) => {
        try {
          parsePrice(value ?? '')
          return undefined
        } catch (error) {
          return error instanceof HanseError ? error.message : 'Not a price'
        }
      },
    }),
  )
  return parsePrice(given)
}

function shown({ inputPrice, outputPrice }: Prices): string {
  return `in ${formatPrice(inputPrice)}, out ${formatPrice(outputPrice)}`
}
