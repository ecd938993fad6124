/** Redis. */
import { answer, freePort, host } from './port.js'
import { program, required } from './program.js'
import { type Software } from './software.js'

/** Redis as a process. */
export const redis: Software = {
  variable: 'REDIS_URL',
  install: 'redis-server',
  found: async () => program('redis-server') !== undefined && program('redis-cli') !== undefined,
  configure: async (folder, { port: wanted, tls, appendOnly = true, settings = {} }) => {
    const port = wanted ?? (await freePort())
    const listening = tls
      ? {
          port: '0',
          'tls-port': `${port}`,
          'tls-cert-file': tls.cert,
          'tls-key-file': tls.key,
          'tls-ca-cert-file': tls.cert,
        }
      : { port: `${port}` }
    const all = {
      bind: host,
      dir: folder,
      daemonize: 'no',
      save: '',
      ...listening,
      ...(tls && { 'tls-auth-clients': 'no' }),
      ...(appendOnly && { appendonly: 'yes', appendfsync: 'always' }),
      ...settings,
    }
    const password = settings['requirepass']
    return {
      url: `${tls ? 'rediss' : 'redis'}://${host}:${port}`,
      port,
      server: {
        file: required('redis-server'),
        args: Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]),
      },
      beside: [],
      flush: [],
      // While it loads its data it answers every command with -LOADING.
      ready: async () => {
        const bytes = await answer(port, Buffer.from('PING\r\n'), tls !== undefined)
        return /^(\+PONG|-NOAUTH)/.test(bytes?.toString() ?? '')
      },
      tool: (args) => ({
        file: required('redis-cli'),
        args: ['-e', '-h', host, '-p', `${port}`, ...(tls ? ['--tls', '--insecure'] : []), ...args],
        env: { ...process.env, ...(password !== undefined && { REDISCLI_AUTH: password }) },
      }),
    }
  },
}
