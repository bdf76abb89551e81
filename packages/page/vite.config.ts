import { defineConfig } from 'vite'

/** `VITE_API=http://127.0.0.1:8081 vite` serves the page from its sources against a running dashboard. */
const api = process.env['VITE_API']

export default defineConfig({
  // Packages resolve to their sources; only their pure parts come along.
  resolve: { conditions: ['@waybill/source', 'module', 'browser'] },
  build: {
    outDir: 'dist/page',
    emptyOutDir: true,
    target: 'es2023',
    // The content security policy knows 'self' only: no data: URIs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  ...(api !== undefined && { server: { proxy: { '/api': { target: api } } } }),
})
