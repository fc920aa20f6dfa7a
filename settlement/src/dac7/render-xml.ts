import { create } from 'xmlbuilder2'
import type { XMLBuilder } from 'xmlbuilder2/lib/interfaces.js'
import type { ProviderProfile } from '../documents/provider-profile.ts'
import type { Dac7Report, ReportedQuarter, ReportedSeller } from './seller-year.ts'

const DPI = 'urn:oecd:ties:dpi:v1'
const STF = 'urn:oecd:ties:dpistf:v1'
/** What stands for a number that nobody has given. */
const NO_TIN = 'NOTIN'
/** What stands for a first name that nobody has given. */
const NO_FIRST_NAME = 'NFN'
const CENTS = 100n

/**
 * The report in the shape of the OECD’s DPI XML schema 1.0, as it is publicly known. It has not been validated against an
 * authority’s schema. Amounts are whole euros, as the schema has them, rounded half up; CSV and JSON have the cents.
 *
 * @param isTest marks it as test data (OECD11), whatever the installation is
 */
export function dac7Xml(report: Dac7Report, isTest = report.test): string {
  const { year, operator, madeAt, sellers } = report
  const country = operator.country ?? ''
  const root = create({ version: '1.0', encoding: 'UTF-8' })
    .ele(DPI, 'dpi:DPI_OECD')
    .att('version', '1.0')
    .att('http://www.w3.org/2000/xmlns/', 'xmlns:stf', STF)
  const message = root.ele(DPI, 'dpi:MessageSpec')
  leaf(message, 'SendingEntityIN', operator.id)
  leaf(message, 'TransmittingCountry', country)
  leaf(message, 'ReceivingCountry', country)
  leaf(message, 'MessageType', 'DPI')
  leaf(message, 'MessageRefId', `${country}${year}${operator.id}-${madeAt}`)
  // New information, or that there is nothing to report.
  leaf(message, 'MessageTypeIndic', sellers.length === 0 ? 'DPI403' : 'DPI401')
  leaf(message, 'ReportingPeriod', `${year}-12-31`)
  leaf(message, 'Timestamp', new Date(madeAt).toISOString().slice(0, 19))
  const body = root.ele(DPI, 'dpi:DPIBody')
  addOperator(body, report, isTest)
  for (const seller of sellers) addSeller(body, report, seller, isTest)
  return root.end({ prettyPrint: true })
}

function addOperator(body: XMLBuilder, report: Dac7Report, isTest: boolean): void {
  const { operator, year, madeAt } = report
  const country = operator.country ?? ''
  const element = body.ele(DPI, 'dpi:PlatformOperator')
  leaf(element, 'ResCountryCode', country)
  addTin(element, operator.taxNumber ?? undefined, country)
  if (operator.vatId !== null) leaf(element, 'VAT', operator.vatId)
  leaf(element, 'Name', operator.name)
  addAddress(element, operator, country)
  // Resident for tax where it is.
  leaf(element, 'Nexus', 'RPONEX1')
  leaf(element, 'AssumedReporting', 'false')
  addDocSpec(element, `${country}${year}${operator.id}-${madeAt}-operator`, isTest)
}

function addSeller(
  body: XMLBuilder,
  { operator, year, madeAt }: Dac7Report,
  seller: ReportedSeller,
  isTest: boolean,
): void {
  const element = body.ele(DPI, 'dpi:ReportableSeller')
  const identity = element.ele(DPI, 'dpi:Identity')
  if (seller.profile?.kind === 'private') addPerson(identity, seller, seller.profile)
  else addEntity(identity, seller)
  const activities = element.ele(DPI, 'dpi:RelevantActivities').ele(DPI, 'dpi:PersonalServices')
  addQuarters(
    activities,
    'Consideration',
    'Cons',
    seller,
    ({ considerationCents }) => considerationCents,
  )
  const numbers = activities.ele(DPI, 'dpi:NumberOfActivities')
  for (const { quarter, activities: count } of seller.quarters) {
    leaf(numbers, `NumbQ${quarter + 1}`, String(count))
  }
  addQuarters(activities, 'Fees', 'Fees', seller, ({ feesCents }) => feesCents)
  addQuarters(activities, 'Taxes', 'Tax', seller, ({ taxesCents }) => taxesCents)
  const reference = `${operator.country ?? ''}${year}${operator.id}-${madeAt}-${seller.provider}`
  addDocSpec(element, reference, isTest)
}

function addEntity(identity: XMLBuilder, { provider, profile, declaration }: ReportedSeller): void {
  const party = identity
    .ele(DPI, 'dpi:EntitySeller')
    .ele(DPI, 'dpi:Standard')
    .ele(DPI, 'dpi:EntSellerID')
  const country = profile?.country ?? ''
  leaf(party, 'ResCountryCode', country)
  addTins(party, profile, declaration, country)
  if (profile?.registration !== undefined) leaf(party, 'IN', profile.registration)
  if (profile?.vatId !== undefined) leaf(party, 'VAT', profile.vatId)
  leaf(party, 'Name', profile?.name ?? provider)
  addAddress(party, profile ?? NOWHERE, country)
}

function addPerson(
  identity: XMLBuilder,
  { declaration }: ReportedSeller,
  profile: ProviderProfile,
): void {
  const party = identity
    .ele(DPI, 'dpi:IndividualSeller')
    .ele(DPI, 'dpi:Standard')
    .ele(DPI, 'dpi:IndSellerID')
  const { country } = profile
  leaf(party, 'ResCountryCode', country)
  addTins(party, profile, declaration, country)
  if (profile.vatId !== undefined) leaf(party, 'VAT', profile.vatId)
  const { person } = declaration ?? {}
  const name = party.ele(DPI, 'dpi:Name')
  leaf(name, 'FirstName', person?.firstName ?? NO_FIRST_NAME)
  leaf(name, 'LastName', person?.lastName ?? profile.name)
  addAddress(party, profile, country)
  const birth = party.ele(DPI, 'dpi:BirthInfo')
  if (person === undefined) return
  leaf(birth, 'BirthDate', person.birthDate)
  if (person.birthPlace === undefined) return
  const place = birth.ele(DPI, 'dpi:BirthPlace')
  leaf(place, 'City', person.birthPlace)
  leaf(place.ele(DPI, 'dpi:CountryInfo'), 'CountryCode', country)
}

function addTins(
  party: XMLBuilder,
  profile: ProviderProfile | null,
  declaration: ReportedSeller['declaration'],
  country: string,
): void {
  const tins = declaration?.tins ?? []
  for (const { tin, country: by } of tins) addTin(party, tin, by)
  if (tins.length === 0) addTin(party, profile?.taxNumber, country)
}

function addTin(party: XMLBuilder, tin: string | undefined, country: string): void {
  const element = leaf(party, 'TIN', tin ?? NO_TIN)
  if (tin === undefined) element.att('unknown', 'true')
  else element.att('issuedBy', country)
}

interface Place {
  readonly street: string | null
  readonly postalCode: string | null
  readonly city: string | null
}
const NOWHERE: Place = { street: null, postalCode: null, city: null }

function addAddress(party: XMLBuilder, { street, postalCode, city }: Place, country: string): void {
  const address = party.ele(DPI, 'dpi:Address')
  leaf(address, 'CountryCode', country)
  const fix = address.ele(DPI, 'dpi:AddressFix')
  if (street !== null) leaf(fix, 'Street', street)
  if (postalCode !== null) leaf(fix, 'PostCode', postalCode)
  leaf(fix, 'City', city ?? '')
}

function addQuarters(
  parent: XMLBuilder,
  group: string,
  prefix: string,
  { quarters }: ReportedSeller,
  cents: (quarter: ReportedQuarter) => bigint,
): void {
  const element = parent.ele(DPI, `dpi:${group}`)
  for (const quarter of quarters) {
    const name = `${prefix}Q${quarter.quarter + 1}`
    leaf(element, name, String(wholeEuros(cents(quarter)))).att('currCode', 'EUR')
  }
}

/** Rounded half up. */
function wholeEuros(cents: bigint): bigint {
  const raised = cents + CENTS / 2n
  const euros = raised / CENTS
  return euros * CENTS > raised ? euros - 1n : euros
}

/** OECD1 is new data, OECD11 is new test data. */
function addDocSpec(parent: XMLBuilder, reference: string, isTest: boolean): void {
  const spec = parent.ele(DPI, 'dpi:DocSpec')
  spec.ele(STF, 'stf:DocTypeIndic').txt(isTest ? 'OECD11' : 'OECD1')
  spec.ele(STF, 'stf:DocRefId').txt(reference)
}

const leaf = (parent: XMLBuilder, name: string, text: string): XMLBuilder =>
  parent.ele(DPI, `dpi:${name}`).txt(text)
