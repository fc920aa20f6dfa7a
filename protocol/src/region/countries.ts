/**
 * Country sets, as of 2026-11-01. Source: Treaty on European Union, Art. 52 and TFEU Art. 355 (territories); EEA
 * Agreement, Art. 126. Codes: ISO 3166-1 alpha-2.
 */
const EU_MEMBERS =
  'AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE'.split(' ')

/**
 * Outermost regions of France with a code of their own (TFEU 349, 355(1)), and Åland (Accession Protocol 2): EU law
 * applies. Overseas countries and territories (GL, PF, NC, AW, CW, …) and the Faroes (355(5)(a)) are outside.
 */
const EU_REGIONS_WITH_OWN_CODE = 'GF GP MQ RE YT MF AX'.split(' ')

const EU = new Set([...EU_MEMBERS, ...EU_REGIONS_WITH_OWN_CODE])
/** Svalbard and Jan Mayen (SJ) are outside the EEA (Protocol 40); so are IS, LI, NO's neighbours GL and FO. */
const EEA = new Set([...EU, 'IS', 'LI', 'NO'])

const ALL = new Set(
  (
    'AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC ' +
    'CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD ' +
    'GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH ' +
    'KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW ' +
    'MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC ' +
    'SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY ' +
    'UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW'
  ).split(' '),
)

export function isCountryCode(code: string): boolean {
  return ALL.has(code)
}

/** Whether `country` lies in `region`: a country code, `EU` or `EEA`. */
export function isInRegion(country: string, region: string): boolean {
  if (region === 'EU') return EU.has(country)
  if (region === 'EEA') return EEA.has(country)
  return country === region
}

/** Whether all of a region (a country code, `EU` or `EEA`) lies in another. */
export function isRegionWithin(region: string, larger: string): boolean {
  return region === larger || (region === 'EU' && larger === 'EEA') || isInRegion(region, larger)
}

/** The regions under which a provider in `country` is listed: its country, EU, EEA as they apply, and `*`. */
export function regionsOf(country: string): string[] {
  const groups = ['EU', 'EEA'].filter((group) => isInRegion(country, group))
  return [country, ...groups, '*']
}
