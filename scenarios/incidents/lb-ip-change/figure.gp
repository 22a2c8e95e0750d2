set multiplot layout 2,1 margins 0.07,0.98,0.17,0.84 spacing 0,0.2 \
    title 'Requests that failed [1/s], of 20 of each client' offset 0,-0.2
set xrange [0:60]
set yrange [0:36]
set ytics 10
clients = 'glibc browser jvm jvm-forever'
do for [variant in 'broken fixed'] {
    set title (variant eq 'broken' ? 'broken.xml: the old address goes at 10 s' \
                                   : 'fixed.xml: it stays until 50 s, and the name lives for 5 s')
    set xlabel (variant eq 'fixed' ? 'simulated time [s]' : '')
    if (variant eq 'fixed') {
        set key left top maxrows 2
    } else {
        unset key
    }
    plot for [i = 1:4] data index variant.' of '.word(clients, i) with lines ls i \
             title word(clients, i)
}
unset multiplot
