/** "12D3KooW…4fQk": the start says what it is, the end tells two of them apart. */
export function shortPeerId(peerId: string): string {
  return peerId.length <= 16 ? peerId : `${peerId.slice(0, 8)}…${peerId.slice(-6)}`
}

const countryNames = new Intl.DisplayNames('en', { type: 'region', fallback: 'code' })

export function countryName(code: string): string {
  return countryNames.of(code) ?? code
}
