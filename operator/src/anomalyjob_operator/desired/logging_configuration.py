"""The logging of Flink's processes: log4j-console.properties.

Pure. Everything goes to standard output, one line an entry, exceptions included; whoever started the process keeps the
lines. A flood is cut off here, so that no failure can fill a disk with its own description.
"""

from typing import Final

LOG_FILE_NAME: Final = "log4j-console.properties"

LOG_CONFIGURATION: Final = """\
monitorInterval = 0

rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console

appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = \
%d{yyyy-MM-dd'T'HH:mm:ss.SSS'Z'}{UTC} %-5p %c{1} %replace{%m}{[\\r\\n]+}{ | }%xEx{separator( | )}%n
appender.console.filter.burst.type = BurstFilter
appender.console.filter.burst.level = WARN
appender.console.filter.burst.rate = 50
appender.console.filter.burst.maxBurst = 5000

# One line per task and state change, or per request, is too much at INFO.
logger.pekko.name = org.apache.pekko
logger.pekko.level = WARN
logger.zookeeper.name = org.apache.flink.shaded.zookeeper3
logger.zookeeper.level = WARN
logger.settings.name = org.apache.flink.configuration.GlobalConfiguration
logger.settings.level = WARN
# Wrong warnings of the channel handler, silenced in the configuration that Flink ships as well.
logger.netty.name = org.jboss.netty.channel.DefaultChannelPipeline
logger.netty.level = OFF
"""
