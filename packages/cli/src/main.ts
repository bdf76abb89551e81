#!/usr/bin/env node
import { enableCompileCache } from 'node:module'

// Before anything else is loaded: with it `--help` takes 50 ms instead of 150.
enableCompileCache()
const { main } = await import('./waybill.ts')
await main(process.argv)
