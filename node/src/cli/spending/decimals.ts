/** The sum of exact decimal numbers, as one. */
export function sumOf(texts: readonly string[]): string {
  const scale = Math.max(0, ...texts.map((text) => text.split('.')[1]?.length ?? 0))
  const sum = texts.reduce((total, text) => total + scaled(text, scale), 0n)
  const digits = String(sum < 0n ? -sum : sum).padStart(scale + 1, '0')
  const whole = digits.slice(0, digits.length - scale)
  const fraction = digits.slice(digits.length - scale).replace(/0+$/u, '')
  return `${sum < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`
}

function scaled(text: string, scale: number): bigint {
  const [whole = '0', fraction = ''] = text.split('.')
  return BigInt(`${whole}${fraction.padEnd(scale, '0')}`)
}

/** For people: two places, or as many as show that it is not nothing. Cut off, not rounded. */
export function shortened(text: string): string {
  const [whole = '0', fraction = ''] = text.split('.')
  const zeros = /^0*/u.exec(fraction)?.[0].length ?? 0
  const isSmall = BigInt(whole) === 0n && zeros >= 2 && zeros < fraction.length
  return `${whole}.${fraction.slice(0, isSmall ? zeros + 2 : 2).padEnd(2, '0')}`
}
