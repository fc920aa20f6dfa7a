import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { paraglideVitePlugin } from '@inlang/paraglide-js'
import adapter from '@sveltejs/adapter-static'
import { sveltekit } from '@sveltejs/kit/vite'
import tailwindcss from '@tailwindcss/vite'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [
    tailwindcss(),
    paraglideVitePlugin({
      project: './project.inlang',
      outdir: './src/paraglide',
      // Where the language comes from is in hooks.*.ts.
      strategy: ['globalVariable', 'baseLocale'],
      emitReadme: false,
    }),
    sveltekit({
      // The fallback is the page for addresses that do not exist; every real page is prerendered.
      adapter: adapter({ fallback: '404.html', precompress: true }),
      paths: { relative: false },
      // In each page, for hosts that send no headers. `server/serve.ts` sends a stricter one, which knows the services' origins.
      csp: {
        mode: 'hash',
        directives: {
          'script-src': ['self', themeScriptHash()],
          'object-src': ['none'],
          'base-uri': ['self'],
          'form-action': ['self'],
        },
      },
    }),
  ],
})

/** SvelteKit knows its own scripts; the one in app.html is ours. */
function themeScriptHash(): `sha256-${string}` {
  const page = readFileSync(new URL('src/app.html', import.meta.url), 'utf8')
  const script = /<script>([\s\S]*?)<\/script>/u.exec(page)?.[1] ?? ''
  return `sha256-${createHash('sha256').update(script).digest('base64')}`
}
