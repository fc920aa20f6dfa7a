import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { paraglideVitePlugin } from '@inlang/paraglide-js'
import adapter from '@sveltejs/adapter-static'
import { sveltekit } from '@sveltejs/kit/vite'
import tailwindcss from '@tailwindcss/vite'
import { defineConfig, type Plugin } from 'vite'

export default defineConfig({
  plugins: [
    tailwindcss(),
    paraglideVitePlugin({
      project: './project.inlang',
      outdir: './src/paraglide',
      // A module for each message, however it is built: see `ownMessages`.
      outputStructure: 'message-modules',
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
    ownMessages(),
  ],
})

/** SvelteKit knows its own scripts; the one in app.html is ours. */
function themeScriptHash(): `sha256-${string}` {
  const page = readFileSync(new URL('src/app.html', import.meta.url), 'utf8')
  const script = /<script>([\s\S]*?)<\/script>/u.exec(page)?.[1] ?? ''
  return `sha256-${createHash('sha256').update(script).digest('base64')}`
}

/**
 * Gives each page the messages that it shows, and no others: as `m.name` all of them are one object, which every page would
 * load whole. Each use becomes an import of that message alone.
 */
function ownMessages(): Plugin {
  const from = /import\s*\{([^}]*)\}\s*from\s*(["'])([^"']*i18n\.ts)\2;?/u
  return {
    name: 'own-messages',
    apply: 'build',
    enforce: 'post',
    transform(code, id) {
      if (id.endsWith('src/lib/i18n.ts')) {
        return { code: code.replaceAll(/^import \{ m \}.*$|^export \{ m \};?$/gmu, ''), map: null }
      }
      const [whole, names = '', , path] = from.exec(code) ?? []
      const imported = names.split(',').map((name) => name.trim())
      if (whole === undefined || !imported.includes('m')) return undefined
      const rest = imported.filter((name) => name !== 'm' && name !== '').join(', ')
      const keys = [...new Set(code.match(/(?<![\w.$])m\.[a-z0-9_]+/gu) ?? [])].map((use) =>
        use.slice(2),
      )
      const file = new URL('src/paraglide/messages/_index.js', import.meta.url).pathname
      const direct = keys.map((key) => `${key} as m_${key}`).join(', ')
      return {
        code: code
          .replace(
            whole,
            `import { ${rest} } from ${JSON.stringify(path)}; import { ${direct} } from ${JSON.stringify(file)};`,
          )
          .replaceAll(/(?<![\w.$])m\.([a-z0-9_]+)/gu, 'm_$1'),
        map: null,
      }
    },
  }
}
