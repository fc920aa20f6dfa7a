import type { App } from './app.ts'

/**
 * JSON bodies of these routes as the bytes that came: what was signed is those.
 *
 * @param bytesMax of a body
 */
export function takeRawJson(app: App, bytesMax: number): void {
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: bytesMax },
    (_request, body, done) => done(null, body),
  )
}
