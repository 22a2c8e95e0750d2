set multiplot layout 1,2
set title 'Connections of the 200 users cut so far'
set xlabel 'simulated time [s]'
set ylabel 'connections'
set yrange [0:1200]
plot data index 'broken cuts' with steps ls 1 title 'as it is', \
     data index 'fixed cuts' with lines ls 2 title 'ping=30s'
set title 'Latency of messages'
eval(percentiles)
set xlabel 'percentile of messages'
set ylabel 'latency [ms]'
set logscale y
set yrange [10:20000]
set xrange [1:2000]
plot data index 'broken latency' with lines ls 1 title 'as it is', \
     data index 'fixed latency' with lines ls 2 title 'ping=30s'
unset multiplot
