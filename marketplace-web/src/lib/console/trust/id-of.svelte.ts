import { page } from '$app/state'

/** What a page is about: it is made in advance, so that only a browser knows. */
export const parameter = (name: string): string =>
  'window' in globalThis ? (page.url.searchParams.get(name) ?? '') : ''
