/** RabbitMQ. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Command } from './child.js'
import { answer, freePort, host } from './port.js'
import { program, required } from './program.js'
import { lines, type Software, type TlsFiles } from './software.js'

// What Debian has in PATH are wrappers that change the user.
const folders = ['/usr/lib/rabbitmq/bin']

const listening = (port: number, tls: TlsFiles | undefined): Readonly<Record<string, string>> =>
  tls === undefined
    ? { 'listeners.tcp.1': `${host}:${port}` }
    : {
        'listeners.tcp': 'none',
        'listeners.ssl.1': `${host}:${port}`,
        'ssl_options.certfile': tls.cert,
        'ssl_options.keyfile': tls.key,
        'ssl_options.cacertfile': tls.cert,
        'ssl_options.verify': 'verify_none',
        'ssl_options.fail_if_no_peer_cert': 'false',
      }

/** The broker's environment, and that of its command line tool. */
const environment = (folder: string, names: number, distribution: number): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  LANG: 'C.UTF-8',
  HOME: join(folder, 'home'),
  // Makes the script become the broker, so that a signal to the child reaches it.
  RUNNING_UNDER_SYSTEMD: 'true',
  ERL_EPMD_PORT: `${names}`,
  ERL_EPMD_ADDRESS: host,
  RABBITMQ_CONF_ENV_FILE: '/dev/null',
  RABBITMQ_NODENAME: 'broker@localhost',
  RABBITMQ_DIST_PORT: `${distribution}`,
  RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
  RABBITMQ_LOG_BASE: join(folder, 'log'),
  RABBITMQ_LOGS: '-',
  RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
  RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
  RABBITMQ_PID_FILE: join(folder, 'pid'),
  RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
})

/** RabbitMQ as a process, with the name server of Erlang beside it. */
export const amqp: Software = {
  variable: 'AMQP_URL',
  install: 'rabbitmq-server',
  found: async () => program('rabbitmq-server', folders) !== undefined && program('epmd') !== undefined,
  configure: async (folder, { port: wanted, tls, settings = {} }) => {
    const port = wanted ?? (await freePort())
    const names = await freePort()
    const env = environment(folder, names, await freePort())
    await mkdir(join(folder, 'home'))
    await writeFile(join(folder, 'home', '.erlang.cookie'), 'specs', { mode: 0o400 })
    await writeFile(join(folder, 'enabled_plugins'), '[].\n')
    const all = {
      ...listening(port, tls),
      'disk_free_limit.absolute': '50MB',
      'vm_memory_high_watermark.absolute': '512MB',
      'log.file': 'false',
      'log.console': 'true',
      ...settings,
    }
    await writeFile(join(folder, 'rabbitmq.conf'), lines(all, ' = '))
    const tool = (args: ReadonlyArray<string>): Command => ({ file: required('rabbitmqctl', folders), args, env })
    return {
      url: `${tls ? 'amqps' : 'amqp'}://guest:guest@${host}:${port}`,
      port,
      server: { file: required('rabbitmq-server', folders), args: [], env },
      beside: [{ file: required('epmd'), args: ['-address', host, '-port', `${names}`], env }],
      // The first frame of a connection is a method: 1.
      ready: async () => (await answer(port, Buffer.from('AMQP\0\0\x09\x01', 'latin1'), tls !== undefined))?.[0] === 1,
      // A queue that is declared is written at once, the decision to keep it, and what Ra knows of it, up to 3 s later.
      flush: [tool(['eval', '[dets:sync(T) || T <- dets:all()], mnesia:sync_log().'])],
      tool,
    }
  },
}
