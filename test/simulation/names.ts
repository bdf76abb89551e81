export const appName = 'shop'
