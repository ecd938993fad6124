/** Self-signed certificates for localhost and 127.0.0.1, good for nothing but specs: for a hundred years, but for one. */

export interface Certified {
  readonly key: string
  readonly cert: string
}

const pem = (label: string, lines: ReadonlyArray<string>): string =>
  `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`

const certified = (key: ReadonlyArray<string>, cert: ReadonlyArray<string>): Certified => ({
  key: pem('PRIVATE KEY', key),
  cert: pem('CERTIFICATE', cert),
})

export const server = certified(
  [
    'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQguodVPkDCIQsWdOmNI/JNHuEtiHYGjwH3KCl2/rj9rmuhRANC',
    'AAQ3RuWDqNRQDK6ERrTlj0tikczktQik4gX1V5qLNKGMU/pE/5v5fbSRYnoIdcqxpL3svdHErtuxKj1LoJcr69RG',
  ],
  [
    'MIIBlDCCATugAwIBAgIUOSzDwuaB8gNrgsvchvSufiUpMD8wCgYIKoZIzj0EAwIwETEPMA0GA1UEAwwGc2VydmVyMCAXDTI2',
    'MTEyNDIyMzYxN1oYDzIxMjYxMDMxMjIzNjE3WjARMQ8wDQYDVQQDDAZzZXJ2ZXIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC',
    'AAQ3RuWDqNRQDK6ERrTlj0tikczktQik4gX1V5qLNKGMU/pE/5v5fbSRYnoIdcqxpL3svdHErtuxKj1LoJcr69RGo28wbTAd',
    'BgNVHQ4EFgQUFiN2dWiKfFOIERfWh2lv2rproRgwHwYDVR0jBBgwFoAUFiN2dWiKfFOIERfWh2lv2rproRgwDwYDVR0TAQH/',
    'BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZIzj0EAwIDRwAwRAIgPKMTMYz3fRcFtFktu7kgooHK',
    'ndJPeV07M38rbSQFiTECIGPJ0vr9rG1ZAnok9caiD3htszWB47qHwPoAI0Lwbnf4',
  ],
)

export const client = certified(
  [
    'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgwkDfHK8holGsCk0htoNr8ASwsmmOapkRINvPhKmcDXehRANC',
    'AASSuqofA46fapWl46FQ/MgGL2MLKHrXBr88ogrV/h0pkMB+mNx0aPai+0xe53XfblB4wcLeeKhQCA4aVHjSyZiy',
  ],
  [
    'MIIBlTCCATugAwIBAgIUchg3PG8YSBHPq/VUtDEB46tbxxswCgYIKoZIzj0EAwIwETEPMA0GA1UEAwwGY2xpZW50MCAXDTI2',
    'MTEyNDIyMzYxN1oYDzIxMjYxMDMxMjIzNjE3WjARMQ8wDQYDVQQDDAZjbGllbnQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC',
    'AASSuqofA46fapWl46FQ/MgGL2MLKHrXBr88ogrV/h0pkMB+mNx0aPai+0xe53XfblB4wcLeeKhQCA4aVHjSyZiyo28wbTAd',
    'BgNVHQ4EFgQU2HnBIVs2D14sYqSQKDCMVwr55kswHwYDVR0jBBgwFoAU2HnBIVs2D14sYqSQKDCMVwr55kswDwYDVR0TAQH/',
    'BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZIzj0EAwIDSAAwRQIhAPTFDsyRaHtd/eBIjQjS/4E1',
    'vw6I/7Ke0yoNVWQW7D1QAiAbVS40d1d4IdWxJuQwMskKV7pRFPFIlyB0HY0GpxPQiQ==',
  ],
)

export const other = certified(
  [
    'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQguCOpm3eWzEd+tW0CZqyKIbIQK8i2tQJGbKaqcTSF3aGhRANC',
    'AASnz0TKKEY+tgI+quZAf+zBd+dZ3cMniK8j3caTJLICOQqGLbNQ0NW6bXrJhPwZuM3p3yD/i4NJmwb/WLVOZIFh',
  ],
  [
    'MIIBkzCCATmgAwIBAgIUIzrcU1cIXU7vmVFbBOH3u0RghZAwCgYIKoZIzj0EAwIwEDEOMAwGA1UEAwwFb3RoZXIwIBcNMjYx',
    'MTI0MjIzNjE3WhgPMjEyNjEwMzEyMjM2MTdaMBAxDjAMBgNVBAMMBW90aGVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE',
    'p89EyihGPrYCPqrmQH/swXfnWd3DJ4ivI93GkySyAjkKhi2zUNDVum16yYT8GbjN6d8g/4uDSZsG/1i1TmSBYaNvMG0wHQYD',
    'VR0OBBYEFFv5J5/FPe15O++Cx6bcFb5koTPvMB8GA1UdIwQYMBaAFFv5J5/FPe15O++Cx6bcFb5koTPvMA8GA1UdEwEB/wQF',
    'MAMBAf8wGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMAoGCCqGSM49BAMCA0gAMEUCIF32y3JwypoBDF8Ea9DCkRSjgHDM',
    't28KyXMgQbsdSVMwAiEAqX+H3wzSZwiFu95uUA/LirJJclCPAkz17h9y9QyHafw=',
  ],
)

/** It was good until the first day of 2025. */
export const expired = certified(
  [
    'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgsuooSJqjDSUcqd7g',
    'mWx9Blvm9DLf7Jz/0pjcx07Uj4KhRANCAARN89UWb+ii0DXuj3T7SbnkOoohqYFd',
    '9jVcrGtLorCTeSOyWTq8aXhttoyYKDYKQGaQlsaTvocH1edPF6INs167',
  ],
  [
    'MIIBYDCCAQegAwIBAgIBATAKBggqhkjOPQQDAjASMRAwDgYDVQQDDAdleHBpcmVk',
    'MB4XDTI0MDEwMTAwMDAwMFoXDTI1MDEwMTAwMDAwMFowEjEQMA4GA1UEAwwHZXhw',
    'aXJlZDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABE3z1RZv6KLQNe6PdPtJueQ6',
    'iiGpgV32NVysa0uisJN5I7JZOrxpeG22jJgoNgpAZpCWxpO+hwfV508Xog2zXruj',
    'TjBMMA8GA1UdEwEB/wQFMAMBAf8wGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/AAAB',
    'MB0GA1UdDgQWBBRJnO3stDR0/rEVGRxcjEJ5S7TxfjAKBggqhkjOPQQDAgNHADBE',
    'AiArkuUYCX0r9FUa3714gUyJToqmj3jJYGTw0+JK279fVwIgRSwa17ftr7+udrML',
    '4QOYFhR2dUgOwhMbfd4Xt8uImI0=',
  ],
)
