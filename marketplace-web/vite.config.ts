import adapter from '@sveltejs/adapter-static'
import { sveltekit } from '@sveltejs/kit/vite'
import tailwindcss from '@tailwindcss/vite'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [
    tailwindcss(),
    // The fallback is the page for addresses that do not exist; every real page is prerendered.
    sveltekit({ adapter: adapter({ fallback: '404.html', precompress: true }) }),
  ],
})
