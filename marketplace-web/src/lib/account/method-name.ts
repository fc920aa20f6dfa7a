import type { Method } from './queries.ts'

/** "Visa …4242" */
export function methodName({ type, brand, last4 }: Method): string {
  const name = (brand ?? type).replaceAll('_', ' ')
  const shown = name.charAt(0).toUpperCase() + name.slice(1)
  return last4 === null ? shown : `${shown} …${last4}`
}
